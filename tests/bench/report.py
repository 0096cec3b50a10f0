#!/usr/bin/python3
"""What bench_dataplane says, for a person: its rows beside IPsec-MB alone and beside the peers.

    bench_dataplane ... | report.py [--json] [--check | --keep]

Peers' cycles are data (peers.json), by machine: those of this model of CPU if there are any, else the first one's.
`bar` is the share of the better one's that is allowed there, `of bar` what this run took of it. What must not regress
is the ratio to IPsec-MB in the same run, which moves little with the machine's load: --check compares it with those kept for this model of CPU (ratios.json),
--keep keeps this run's; rows without the core's whole width are neither kept nor compared. Ends with 1 if a ratio is
more than a tenth worse, 2 if none can be compared, or if two rows have the same figures: then one was not measured.
"""

import json
import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
RATIOS = os.path.join(HERE, "ratios.json")
WORSE = 1.10
SHARED = 2.0  # per cent of the time for others, and of it stolen by the host: above, no figure is final
NOISY = 10000  # tunnels whose state is in a cache that others use too


def load(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        return json.load(f)


def name_of(row):
    size = "imix" if row["mix"] else f"{row['size']:.0f}"
    order = "" if row["order"] == "round-robin" else f" {row['order']}"
    return f"{row['alg']} {row['dir']} {size} {row['tunnels']}{order}"


class Report:
    def __init__(self, as_json):
        self.json = as_json
        self.bars, self.machines = load("peers.json").values()
        self.peers = self.machines[0]
        self.cpu, self.alg, self.final = "", "", True
        self.rows, self.figures = [], {}

    def beside(self, row):
        """VPP's cycles, secgw's, and the bar; None: the peers did not run this."""
        table = self.peers["cycles"].get(row["alg"], {})
        size = "imix" if row["mix"] else f"{row['size']:.0f}"
        at = table.get(f"{row['dir']} {size}")
        if not at or row["order"] != "round-robin" or row["tunnels"] not in self.peers["tunnels"]:
            return None
        cycles = at[self.peers["tunnels"].index(row["tunnels"])]
        if not any(cycles):
            return None
        return *("-" if c is None else c for c in cycles), min(filter(None, cycles)) * self.bars[row["alg"]]

    def machine(self, m):
        self.cpu = m["model"]
        self.peers = next((p for p in self.machines if p["cpu"] == self.cpu), self.peers)
        if not self.json:
            print(f"{m['cpu']} ({m['model']}), TSC {m['tsc_ghz']:.3f} GHz, core {m['core_ghz']:.2f} GHz; "
                  f"{m['engine']}; {m['dpdk']}")

    def head(self, row):
        self.alg = row["alg"]
        phases = " ".join(f"{p:>8}" for p in row["phases"])
        print(f"\n{row['alg']}: TSC cycles per packet, by phase, of the port's own functions, of IPsec-MB alone\n"
              f"dir size tunnels {phases} |    net  port    sum |   bare ratio |  Mpps Gbit/s |  VPP secgw  bar of bar")

    def dataplane(self, row):
        figures = row["cycles"], row["bare_cycles"], *row["phases"].values()
        if figures in self.figures:
            sys.exit(f"bench: {name_of(row)} has the figures of {self.figures[figures]}, so it was not measured")
        self.figures[figures] = name_of(row)
        self.rows.append(row)
        if self.json:
            return
        if row["alg"] != self.alg:
            self.head(row)
        size = "imix" if row["mix"] else f"{row['size']:.0f}"
        phases = " ".join(f"{v:8.1f}" for v in row["phases"].values())
        order = {"round-robin": " ", "random": "r", "many destinations": "d"}[row["order"]]
        doubt = " " if row["whole"] else "?"
        line = (f"{row['dir']} {size:>4} {row['tunnels']:6}{order} {phases} |{doubt}{row['cycles']:6.1f} "
                f"{row['port_cycles']:5.1f} {row['cycles'] + row['port_cycles']:6.1f} | {row['bare_cycles']:6.1f} "
                f"{row['cycles'] / row['bare_cycles']:5.2f} | {row['mpps']:5.2f} {row['gbps']:6.2f} |")
        peers = self.beside(row)
        if peers:
            line += f" {peers[0]:4} {peers[1]:5} {peers[2]:4.0f} {row['cycles'] / peers[2]:6.2f}"
        print(line, flush=True)

    def shared(self, s):
        why = []
        if s["value"] > SHARED:
            why.append(f"others had the core for {s['value']:.1f} % of {s['seconds']:.1f} s")
        if s["stolen_ticks"] > s["seconds"] * SHARED:
            why.append(f"the machine's host took {s['stolen_ticks']} ticks")
        if s["shared_cells"]:
            why.append(f"{s['shared_cells']} cells had the core's whole width too rarely "
                       f"({100 * s['whole']:.1f} % of all pieces)")
        if why:
            self.final = False
        if self.json:
            print(json.dumps({"name": "final", "value": not why, "unit": "", "alg": s["alg"], "why": why}))
        elif why:
            print(f"NOT FINAL: {'; '.join(why)} ({s['switches']} switches)")
        else:
            print(f"final: the core was ours, and its whole width in {100 * s['whole']:.0f} % of the pieces, which are "
                  f"those that count; {s['switches']} switches, core {s['core_ghz']:.2f} GHz")

    def doubt(self, w):
        return "" if w["final"] else f"NOT FINAL ({w['why']}): "

    def two_workers(self, w):
        self.say(f"{self.doubt(w)}two workers: {w['value']:.2f} times one ({w['one'][0]:.0f} and {w['one'][1]:.0f} cycles "
                 f"alone; {w['two'][0]:.0f} and {w['two'][1]:.0f} beside each other); bar: 1.8")

    def hand_over(self, w):
        self.say(f"{self.doubt(w)}hand-over: {w['value']:.0f} cycles more per packet if half of a flow comes to another worker than "
                 f"its SA's ({w['giver']:.0f} there, {w['owner']:.0f} instead of {w['one']:.0f} here); bar: 100")

    def memif(self, m):
        """What did not leave: refused is testpmd's, whose packets are more than the gateway takes."""
        refused = "" if m["refused"] is None else f"; {100 * m['refused']:.0f} % of the offer found the port full"
        self.say(f"{self.doubt(m)}memif: {m['alg']} enc {m['size']:>4}, {m['tunnels']} tunnels, end to end: {m['value']:.2f} Mpps "
                 f"({m['worst']:.2f} to {m['best']:.2f}), {m['gbps']:.2f} Gbit/s of inner packets, {m['lost']} lost, worker "
                 f"busy {100 * m['busy']:.0f} %{refused}")

    def churn(self, w):
        self.say(f"{self.doubt(w)}churn: {w['replaced_per_s']:.0f} SAs replaced per second: {w['value']:+.1f} % cycles per packet "
                 f"({w['quiet']:.1f}, {w['churn']:.1f}), {w['lost']} packets lost; bar: 5 %")

    def say(self, text):
        if not self.json:
            print(text, flush=True)

    def line(self, text):
        said = json.loads(text)
        if self.json:
            print(text, end="", flush=True)
        getattr(self, said["name"].replace("-", "_"))(said)

    def foot(self):
        if self.json:
            return
        print(f"\npeers: {'; '.join(self.peers['programs'])}; {self.peers['traffic']};\n"
              f"       measured {self.peers['measured']}. On another machine than that one the bars\n"
              f"       say little: look at the ratio. r: tunnels in random order;\n       d: 16,000 destinations, more than a worker remembers; "
              "?: too few pieces had the core's whole width.")

    # ---- ratios ------------------------------------------------------------------------------

    def ratios(self):
        """Of this run, by cell. What a busy machine disturbs most is left out of a run that is not final."""
        return {name_of(r): round(r["cycles"] / r["bare_cycles"], 2) for r in self.rows
                if r["order"] == "round-robin" and r["whole"] and (self.final or r["tunnels"] < NOISY)}

    def keep(self):
        kept = load(RATIOS) if os.path.exists(RATIOS) else {}
        kept.setdefault(self.cpu, {}).update(self.ratios())
        with open(RATIOS, "w", encoding="utf-8") as f:
            json.dump(kept, f, indent=1, sort_keys=True)
            f.write("\n")

    def check(self):
        kept = load(RATIOS).get(self.cpu, {})
        both = {c: (r, kept[c]) for c, r in self.ratios().items() if c in kept}
        worse = {c: v for c, v in both.items() if v[0] > v[1] * WORSE}
        for cell, (now, then) in worse.items():
            print(f"bench: {cell}: {now:.2f} times IPsec-MB alone, kept is {then:.2f}", file=sys.stderr)
        if not both:
            print(f"bench: nothing to compare: ratios are kept for {len(kept)} cells of {self.cpu} (--keep keeps them), "
                  f"of this run {len(self.ratios())} had the core's whole width", file=sys.stderr)
            return 2
        print(f"check: {len(both)} ratios to IPsec-MB alone, {len(worse)} more than a tenth worse than kept",
              file=sys.stderr)
        return 1 if worse else 0


def main():
    asked = set(sys.argv[1:])
    report = Report("--json" in asked)
    for text in sys.stdin:
        report.line(text)
    report.foot()
    if not report.rows:
        return 2
    if "--keep" in asked:
        report.keep()
    return report.check() if "--check" in asked else 0


if __name__ == "__main__":
    sys.exit(main())
