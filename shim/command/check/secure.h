/*
 * Whether a program would start with AT_SECURE, in which a loader takes no preload (ld.so(8)) and
 * the library does nothing. The rules are the kernel's: bprm_fill_uid in fs/exec.c,
 * cap_bprm_creds_from_file in security/commoncap.c. Other security modules may set it too.
 */
#ifndef V6_SECURE_H
#define V6_SECURE_H

#include <sys/stat.h>

#include "obstacles.h"

/*
 * What execve of a regular file by this process would come to: NONE; SET_ID, CAPABILITIES or IDS;
 * FORBIDDEN where it fails. *inert: it has a set-id bit or capabilities that change nothing now.
 */
enum obstacle v6_secure_by(const char *path, const struct stat *st, bool *inert);

#endif
