#include "secure.h"

#include <endian.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/* This process, as far as execve looks at it. */
struct caller {
	uint64_t permitted, inheritable, bounding;
	uint64_t known; /* the capabilities that this kernel has */
	bool no_new_privs;
};

static struct caller caller(void)
{
	struct caller c = {.no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 1};
	/* capget(2), which has no wrapper in libc: version 3, of this process. */
	struct {
		uint32_t version;
		int pid;
	} header = {.version = 0x20080522};
	struct {
		uint32_t effective, permitted, inheritable;
	} data[2] = {{0}};

	if (!syscall(SYS_capget, &header, data)) {
		c.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
		c.inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	}
	for (unsigned i = 0; i < 64; i++) {
		int is = prctl(PR_CAPBSET_READ, (unsigned long)i, 0L, 0L, 0L);

		c.known |= (uint64_t)(is >= 0) << i;
		c.bounding |= (uint64_t)(is > 0) << i;
	}
	return c;
}

struct capabilities {
	uint64_t permitted, inheritable;
	bool effective;
};

/*
 * False: the file has no capabilities that this kernel would look at. The extended attribute
 * is struct vfs_ns_cap_data of linux/capability.h: revision 1 has one word of each set, revision
 * 2 two. Those of revision 3 are for another user namespace: its own are shown as revision 2.
 */
static bool file_capabilities(const char *path, struct capabilities *c)
{
	enum { REVISION_1 = 0x01000000, REVISION_2 = 0x02000000, SIZE_1 = 12, SIZE_2 = 20 };
	enum { REVISION_MASK = 0x7f000000, EFFECTIVE = 1, WORDS = 6 };
	uint32_t raw[WORDS] = {0};
	ssize_t n = getxattr(path, "security.capability", raw, sizeof(raw));
	uint32_t magic = le32toh(raw[0]), revision = magic & REVISION_MASK;

	if (!(n == SIZE_1 && revision == REVISION_1) && !(n == SIZE_2 && revision == REVISION_2))
		return false;
	c->effective = magic & EFFECTIVE;
	/* Of revision 1 the second words are zeroes. */
	c->permitted = le32toh(raw[1]) | (uint64_t)le32toh(raw[3]) << 32;
	c->inheritable = le32toh(raw[2]) | (uint64_t)le32toh(raw[4]) << 32;
	return true;
}

/*
 * bprm_caps_from_vfs_caps, and what follows it. A user whose real id is root is
 * raised above nothing. no_new_privs takes the gain away, yet the effective flag
 * alone still makes it secure.
 */
static enum obstacle by_capabilities(const struct caller *c, const struct capabilities *file)
{
	uint64_t asked = file->permitted & c->known;
	uint64_t granted = (asked & c->bounding) | (file->inheritable & c->inheritable);

	if (file->effective && asked & ~granted)
		return FORBIDDEN;
	if (c->no_new_privs)
		granted &= c->permitted;
	return getuid() && (file->effective || granted) ? CAPABILITIES : NONE;
}

/*
 * Whether this user namespace knows the id, as stat(2) shows it: of an owner that
 * it does not know the bits are not heeded. user_namespaces(7).
 */
static bool is_mapped(const char *map, unsigned long id)
{
	unsigned long inside, outside, count;
	FILE *file = fopen(map, "re");
	bool found = !file;

	while (!found && fscanf(file, "%lu %lu %lu", &inside, &outside, &count) == 3)
		found = id >= inside && id - inside < count;
	if (file)
		fclose(file);
	return found;
}

/*
 * Older kernels compare the new effective ids with the real ones alone, newer
 * ones (6.18) with the old effective ones too: where these differ, all is secure.
 */
static enum obstacle by_ids(const struct caller *c, const struct stat *st, bool honoured)
{
	bool user = st->st_mode & S_ISUID && st->st_uid != geteuid();
	/* Without the group's execute bit it is no set-group-id bit: inode(7). */
	bool group = st->st_mode & S_ISGID && st->st_mode & S_IXGRP && st->st_gid != getegid();

	if (getuid() != geteuid() || getgid() != getegid())
		return IDS;
	if (!honoured || c->no_new_privs || !(user || group) ||
		!is_mapped("/proc/self/uid_map", st->st_uid) ||
		!is_mapped("/proc/self/gid_map", st->st_gid))
		return NONE;
	return SET_ID;
}

enum obstacle v6_secure_by(const char *path, const struct stat *st, bool *inert)
{
	enum obstacle by_file = NONE, result;
	struct capabilities file = {0};
	struct caller c = caller();
	struct statvfs fs;
	/* A filesystem mounted nosuid has neither the bits nor the capabilities heeded. */
	bool honoured = statvfs(path, &fs) || !(fs.f_flag & ST_NOSUID);
	bool has = file_capabilities(path, &file);

	if (has && honoured)
		by_file = by_capabilities(&c, &file);
	result = by_file == FORBIDDEN ? by_file : by_ids(&c, st, honoured);
	if (!result)
		result = by_file;
	*inert = !result && (has || st->st_mode & (S_ISUID | S_ISGID));
	return result;
}
