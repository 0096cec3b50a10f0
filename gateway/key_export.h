/* Keys for whoever has to read a capture: files in the format of Wireshark's preferences,
 * "ikev1_decryption_table", "ikev2_decryption_table" and "esp_sa", so that the folder may be a
 * profile of its own.
 *
 * For debugging only: who reads them can read all traffic. Nothing is written unless the operator
 * has asked for it in the configuration, which warns. Negotiator's thread, but for open and close.
 */
#ifndef GATEWAY_KEY_EXPORT_H
#define GATEWAY_KEY_EXPORT_H

#include "ike/engine.h"

struct key_export;

/* Makes the folder if there is none, and the files anew, all for the owner only. 0 or -errno. */
int key_export_open(struct key_export **out, const char *folder);
void key_export_close(struct key_export *x); /* NULL is fine */

void key_export_ike(struct key_export *x, const struct ike_keys *k);
void key_export_esp(struct key_export *x, const struct ike_child_sa *sa);

#endif
