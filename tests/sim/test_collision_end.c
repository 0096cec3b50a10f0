/* Collisions with the end of the IKE SA (RFC 7296 §2.25.2), every one in every order of delivery;
 * and a peer that refuses for minutes. */
#include "tests/sim/script.h"

static const struct script_case cases[] = {
	{ "rekey IKE, delete IKE: in order",
	  { REKEY_IKE, DELETE_IKE },
	  IN_ORDER,
	  0,
	  ANY,
	  "0>ike 1=none 1-A 1>delete(ike) 1<TEMPORARY_FAILURE 0=none 0<- / 0>J:init "
	  "1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B / 0-A" },
	{ "rekey IKE, delete IKE: answer late to 0",
	  { REKEY_IKE, DELETE_IKE },
	  ANSWER_LATE,
	  0,
	  ANY,
	  "0>ike 1=none 1-A 1>delete(ike) 1<TEMPORARY_FAILURE~ 0=none 0<- / 0>J:init "
	  "1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B / 0-A" },
	{ "rekey IKE, delete IKE: answer late to 1",
	  { REKEY_IKE, DELETE_IKE },
	  ANSWER_LATE,
	  1,
	  ANY,
	  "0>ike 1=none 1-A 1>delete(ike) 1<TEMPORARY_FAILURE 0=none 0<-~ / 0>J:init "
	  "1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B / 0-A" },
	{ "rekey IKE, delete IKE: request lost of 0",
	  { REKEY_IKE, DELETE_IKE },
	  REQUEST_LOST,
	  0,
	  ANY,
	  "0>ike! 1=none 1-A 1>delete(ike) 0=none 0<- / 0>J:init 1<J:init 0>J:auth 1+B "
	  "1=B 1<J:auth 0+B 0=B / 0-A" },
	{ "rekey IKE, delete IKE: request lost of 1",
	  { REKEY_IKE, DELETE_IKE },
	  REQUEST_LOST,
	  1,
	  ANY,
	  "0>ike 1=none 1-A 1>delete(ike)! 1<TEMPORARY_FAILURE / 1>delete(ike) 0=none 0-A "
	  "0<- / 0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "rekey IKE, delete IKE: answer lost to 0",
	  { REKEY_IKE, DELETE_IKE },
	  ANSWER_LOST,
	  0,
	  ANY,
	  "0>ike 1=none 1-A 1>delete(ike) 1<TEMPORARY_FAILURE! 0=none 0<- / 0>J:init "
	  "1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B / 0-A" },
	{ "rekey IKE, delete IKE: answer lost to 1",
	  { REKEY_IKE, DELETE_IKE },
	  ANSWER_LOST,
	  1,
	  ANY,
	  "0>ike 1=none 1-A 1>delete(ike) 1<TEMPORARY_FAILURE 0=none 0<-! / 1>delete(ike) "
	  "0<- / 0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B / 0-A" },
	{ "rekey IKE, delete IKE: doubled",
	  { REKEY_IKE, DELETE_IKE },
	  DOUBLED,
	  0,
	  ANY,
	  "0>ike\" 1=none 1-A 1>delete(ike)\" 1<TEMPORARY_FAILURE\" 0=none 0<-\" "
	  "1<TEMPORARY_FAILURE\" 0<-\" / 0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B "
	  "/ 0-A" },
	{ "rekey IKE, delete IKE: delivered after the delete of 0",
	  { REKEY_IKE, DELETE_IKE },
	  AFTER_DELETE,
	  0,
	  ANY,
	  "0>ike\" 1=none 1-A 1>delete(ike) 1<TEMPORARY_FAILURE~ 0=none 0<- / 0>J:init "
	  "1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B / 0-A" },
	{ "rekey IKE, delete IKE: delivered after the delete of 1",
	  { REKEY_IKE, DELETE_IKE },
	  AFTER_DELETE,
	  1,
	  ANY,
	  "0>ike 1=none 1-A 1>delete(ike)\" 1<TEMPORARY_FAILURE 0=none 0<-~ / 1>delete(ike) "
	  "0<- / 0<- 0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B / 0-A" },
	{ "create a child, delete IKE: in order",
	  { CREATE_CHILD, DELETE_IKE },
	  IN_ORDER,
	  0,
	  ANY,
	  "0=none 0-A 1=none 1-A 0>child 1>delete(ike) 1<TEMPORARY_FAILURE 0<- / 0>J:init "
	  "1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "create a child, delete IKE: answer late to 0",
	  { CREATE_CHILD, DELETE_IKE },
	  ANSWER_LATE,
	  0,
	  ANY,
	  "0=none 0-A 1=none 1-A 0>child 1>delete(ike) 1<TEMPORARY_FAILURE~ 0<- / "
	  "0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "create a child, delete IKE: answer late to 1",
	  { CREATE_CHILD, DELETE_IKE },
	  ANSWER_LATE,
	  1,
	  ANY,
	  "0=none 0-A 1=none 1-A 0>child 1>delete(ike) 1<TEMPORARY_FAILURE 0<-~ / "
	  "0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "create a child, delete IKE: request lost of 0",
	  { CREATE_CHILD, DELETE_IKE },
	  REQUEST_LOST,
	  0,
	  ANY,
	  "0=none 0-A 1=none 1-A 0>child! 1>delete(ike) 0<- / 0>J:init 1<J:init 0>J:auth "
	  "1+B 1=B 1<J:auth 0+B 0=B" },
	{ "create a child, delete IKE: request lost of 1",
	  { CREATE_CHILD, DELETE_IKE },
	  REQUEST_LOST,
	  1,
	  ANY,
	  "0=none 0-A 1=none 1-A 0>child 1>delete(ike)! 1<TEMPORARY_FAILURE / "
	  "1>delete(ike) 0<- 0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "create a child, delete IKE: answer lost to 0",
	  { CREATE_CHILD, DELETE_IKE },
	  ANSWER_LOST,
	  0,
	  ANY,
	  "0=none 0-A 1=none 1-A 0>child 1>delete(ike) 1<TEMPORARY_FAILURE! 0<- / "
	  "0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "create a child, delete IKE: answer lost to 1",
	  { CREATE_CHILD, DELETE_IKE },
	  ANSWER_LOST,
	  1,
	  ANY,
	  "0=none 0-A 1=none 1-A 0>child 1>delete(ike) 1<TEMPORARY_FAILURE 0<-! / "
	  "1>delete(ike) 0<- 0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "create a child, delete IKE: doubled",
	  { CREATE_CHILD, DELETE_IKE },
	  DOUBLED,
	  0,
	  ANY,
	  "0=none 0-A 1=none 1-A 0>child\" 1>delete(ike)\" 1<TEMPORARY_FAILURE\" 0<-\" "
	  "1<TEMPORARY_FAILURE\" 0<-\" / 0>J:init\" 1<J:init\" 1<J:init\" 0>J:auth\" 1+B 1=B "
	  "1<J:auth\" 1<J:auth\" 0+B 0=B" },
	{ "create a child, delete IKE: delivered after the delete of 0",
	  { CREATE_CHILD, DELETE_IKE },
	  AFTER_DELETE,
	  0,
	  ANY,
	  "0=none 0-A 1=none 1-A 0>child\" 1>delete(ike) 1<TEMPORARY_FAILURE~ 0<- / "
	  "0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "create a child, delete IKE: delivered after the delete of 1",
	  { CREATE_CHILD, DELETE_IKE },
	  AFTER_DELETE,
	  1,
	  ANY,
	  "0=none 0-A 1=none 1-A 0>child 1>delete(ike)\" 1<TEMPORARY_FAILURE 0<-~ / "
	  "1>delete(ike) 0<- 0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B / 0<-" },
	{ "rekey child, delete IKE: in order",
	  { REKEY_CHILD, DELETE_IKE },
	  IN_ORDER,
	  0,
	  ANY,
	  "0>rekey(A) 1=none 1-A 1>delete(ike) 1<TEMPORARY_FAILURE 0=none 0-A 0<- / "
	  "0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "rekey child, delete IKE: answer late to 0",
	  { REKEY_CHILD, DELETE_IKE },
	  ANSWER_LATE,
	  0,
	  ANY,
	  "0>rekey(A) 1=none 1-A 1>delete(ike) 1<TEMPORARY_FAILURE~ 0=none 0-A 0<- / "
	  "0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "rekey child, delete IKE: answer late to 1",
	  { REKEY_CHILD, DELETE_IKE },
	  ANSWER_LATE,
	  1,
	  ANY,
	  "0>rekey(A) 1=none 1-A 1>delete(ike) 1<TEMPORARY_FAILURE 0=none 0-A 0<-~ / "
	  "0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "rekey child, delete IKE: request lost of 0",
	  { REKEY_CHILD, DELETE_IKE },
	  REQUEST_LOST,
	  0,
	  ANY,
	  "0>rekey(A)! 1=none 1-A 1>delete(ike) 0=none 0-A 0<- / 0>J:init 1<J:init "
	  "0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "rekey child, delete IKE: request lost of 1",
	  { REKEY_CHILD, DELETE_IKE },
	  REQUEST_LOST,
	  1,
	  ANY,
	  "0>rekey(A) 1=none 1-A 1>delete(ike)! 1<TEMPORARY_FAILURE / 1>delete(ike) "
	  "0=none 0-A 0<- / 0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "rekey child, delete IKE: answer lost to 0",
	  { REKEY_CHILD, DELETE_IKE },
	  ANSWER_LOST,
	  0,
	  ANY,
	  "0>rekey(A) 1=none 1-A 1>delete(ike) 1<TEMPORARY_FAILURE! 0=none 0-A 0<- / "
	  "0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "rekey child, delete IKE: answer lost to 1",
	  { REKEY_CHILD, DELETE_IKE },
	  ANSWER_LOST,
	  1,
	  ANY,
	  "0>rekey(A) 1=none 1-A 1>delete(ike) 1<TEMPORARY_FAILURE 0=none 0-A 0<-! / "
	  "1>delete(ike) 0<- 0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "rekey child, delete IKE: doubled",
	  { REKEY_CHILD, DELETE_IKE },
	  DOUBLED,
	  0,
	  ANY,
	  "0>rekey(A)\" 1=none 1-A 1>delete(ike)\" 1<TEMPORARY_FAILURE\" 0=none 0-A 0<-\" "
	  "1<TEMPORARY_FAILURE\" 0<-\" / 0>J:init\" 1<J:init\" 1<J:init\" 0>J:auth\" 1+B 1=B "
	  "1<J:auth\" 1<J:auth\" 0+B 0=B" },
	{ "rekey child, delete IKE: delivered after the delete of 0",
	  { REKEY_CHILD, DELETE_IKE },
	  AFTER_DELETE,
	  0,
	  ANY,
	  "0>rekey(A)\" 1=none 1-A 1>delete(ike) 1<TEMPORARY_FAILURE~ 0=none 0-A 0<- / "
	  "0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "rekey child, delete IKE: delivered after the delete of 1",
	  { REKEY_CHILD, DELETE_IKE },
	  AFTER_DELETE,
	  1,
	  ANY,
	  "0>rekey(A) 1=none 1-A 1>delete(ike)\" 1<TEMPORARY_FAILURE 0=none 0-A 0<-~ / "
	  "1>delete(ike) 0<- 0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B / 0<-" },
	{ "delete IKE, delete IKE: in order",
	  { DELETE_IKE, DELETE_IKE },
	  IN_ORDER,
	  0,
	  ANY,
	  "0=none 0-A 0>delete(ike) 1=none 1-A 1>delete(ike) 1<- 0<- / 0>J:init 1<J:init "
	  "0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "delete IKE, delete IKE: answer late",
	  { DELETE_IKE, DELETE_IKE },
	  ANSWER_LATE,
	  0,
	  ANY,
	  "0=none 0-A 0>delete(ike) 1=none 1-A 1>delete(ike) 1<-~ 0<- / 0>J:init 1<J:init "
	  "0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "delete IKE, delete IKE: request lost",
	  { DELETE_IKE, DELETE_IKE },
	  REQUEST_LOST,
	  0,
	  ANY,
	  "0=none 0-A 0>delete(ike)! 1=none 1-A 1>delete(ike) 0<- / 0>J:init 1<J:init "
	  "0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "delete IKE, delete IKE: answer lost",
	  { DELETE_IKE, DELETE_IKE },
	  ANSWER_LOST,
	  0,
	  ANY,
	  "0=none 0-A 0>delete(ike) 1=none 1-A 1>delete(ike) 1<-! 0<- / 0>J:init 1<J:init "
	  "0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "delete IKE, delete IKE: doubled",
	  { DELETE_IKE, DELETE_IKE },
	  DOUBLED,
	  0,
	  ANY,
	  "0=none 0-A 0>delete(ike)\" 1=none 1-A 1>delete(ike)\" 1<-\" 0<-\" 1<-\" 0<-\" / "
	  "0>J:init 1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "delete IKE, delete IKE: delivered after the delete",
	  { DELETE_IKE, DELETE_IKE },
	  AFTER_DELETE,
	  0,
	  ANY,
	  "0=none 0-A 0>delete(ike)\" 1=none 1-A 1>delete(ike) 1<-~ 0<- / 1<- 0>J:init "
	  "1<J:init 0>J:auth 1+B 1=B 1<J:auth 0+B 0=B" },
	{ "rekey child, refuse: in order",
	  { REKEY_CHILD, REFUSE },
	  IN_ORDER,
	  0,
	  ANY,
	  "0>rekey(A) 1<TEMPORARY_FAILURE / ... / 0>rekey(A) 1<TEMPORARY_FAILURE 0>J:init "
	  "1<J:init 0>J:auth 1+B 1<J:auth 0+B 0=B 0>delete(ike) 1=B 1<- / 0-A 1-A" },
	{ "rekey child, refuse: answer late",
	  { REKEY_CHILD, REFUSE },
	  ANSWER_LATE,
	  0,
	  ANY,
	  "0>rekey(A) 1<TEMPORARY_FAILURE~ / 0>rekey(A) 1<TEMPORARY_FAILURE / ... / "
	  "0>rekey(A) 1<TEMPORARY_FAILURE 0>J:init 1<J:init 0>J:auth 1+B 1<J:auth 0+B 0=B "
	  "0>delete(ike) 1=B 1<- / 0-A 1-A" },
	{ "rekey child, refuse: request lost",
	  { REKEY_CHILD, REFUSE },
	  REQUEST_LOST,
	  0,
	  ANY,
	  "0>rekey(A)! / 0>rekey(A) 1<TEMPORARY_FAILURE / ... / 0>rekey(A) "
	  "1<TEMPORARY_FAILURE 0>J:init 1<J:init 0>J:auth 1+B 1<J:auth 0+B 0=B "
	  "0>delete(ike) 1=B 1<- / 0-A 1-A" },
	{ "rekey child, refuse: answer lost",
	  { REKEY_CHILD, REFUSE },
	  ANSWER_LOST,
	  0,
	  ANY,
	  "0>rekey(A) 1<TEMPORARY_FAILURE! / 0>rekey(A) 1<TEMPORARY_FAILURE / ... / "
	  "0>rekey(A) 1<TEMPORARY_FAILURE 0>J:init 1<J:init 0>J:auth 1+B 1<J:auth 0+B 0=B "
	  "0>delete(ike) 1=B 1<- / 0-A 1-A" },
	{ "rekey child, refuse: doubled",
	  { REKEY_CHILD, REFUSE },
	  DOUBLED,
	  0,
	  ANY,
	  "0>rekey(A)\" 1<TEMPORARY_FAILURE\" 1<TEMPORARY_FAILURE\" / 0>rekey(A) "
	  "1<TEMPORARY_FAILURE / ... / 0>rekey(A) 1<TEMPORARY_FAILURE 0>J:init 1<J:init "
	  "0>J:auth 1+B 1<J:auth 0+B 0=B 0>delete(ike) 1=B 1<- / 0-A 1-A" },
	{ "rekey child, refuse: delivered after the delete",
	  { REKEY_CHILD, REFUSE },
	  AFTER_DELETE,
	  0,
	  ANY,
	  "0>rekey(A)\" 1<TEMPORARY_FAILURE~ / 0>rekey(A) 1<TEMPORARY_FAILURE / "
	  "1<TEMPORARY_FAILURE / 0>rekey(A) 1<TEMPORARY_FAILURE / ... / 0>rekey(A) "
	  "1<TEMPORARY_FAILURE 0>J:init 1<J:init 0>J:auth 1+B 1<J:auth 0+B 0=B "
	  "0>delete(ike) 1=B 1<- / 0-A 1-A" },
};

int main(void)
{
	return script_main("collision end", cases, sizeof(cases) / sizeof(cases[0]));
}
