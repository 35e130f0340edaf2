/*
 * Sockets that were bound before this program ran: systemd's LISTEN_FDS, inetd's
 * descriptor 0, what came over exec. Nobody here can choose their V6ONLY any more.
 */
#ifndef V6_INHERIT_H
#define V6_INHERIT_H

/* Writes a record for each, where the level wants such records. By the constructor. */
void v6_inherit_record(void);

#endif
