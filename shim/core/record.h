/*
 * One log record: what happened at one call, and its two written forms. One
 * table of the JSON keys serves the writer here, the reader of `v6shim report`
 * and the manual's test.
 *
 * Strings are slices of memory that outlives the record; an empty slice, a -1
 * or a 0 as noted says that the key does not apply and is absent.
 */
#pragma once

#include "config.h"
#include "policy.h"
#include "terms.h"

/* The version of the record format, key `v`. */
enum { V6_RECORD_VERSION = 1 };

/* What is always enough for one written record, newline and NUL included: PIPE_BUF. */
enum { V6_RECORD_SIZE = 4096 };

#define V6_NO_RESULT INT64_MAX

/* Families that a socket serves. */
enum { V6_SERVES_INET6 = 1, V6_SERVES_INET = 2 };

/* Who holds a port. */
struct v6_holder {
	bool known; /* whether there is a holder to tell of */
	/* Not in JSON: the V6_STATE_* of a connection, 0 for none; an IPv6 socket of a device beats IPv4. */
	uint8_t connection;
	bool device;
	int fd;                  /* of this process; -1: not ours, or not known */
	int pid;                 /* 0: not known */
	struct v6_slice program; /* empty: not known */
	int64_t uid;             /* -1: not known */
	struct v6_address address;
	int v6only; /* 0, 1, V6_UNKNOWN */
};

/* With mode=log: the outcome with enforce, where that would be another. */
struct v6_enforce {
	bool known;      /* whether there is one to tell of */
	int after;       /* V6ONLY: 0, 1, V6_UNKNOWN */
	int64_t result;  /* V6_NO_RESULT: undecided */
	int error;       /* errno; 0: absent */
	unsigned serves; /* V6_SERVES_* bits; 0: absent */
};

/* What is known of the call and what was decided lies in it as the policy has it. */
struct v6_record {
	int64_t time; /* microseconds since the epoch */
	int pid;
	struct v6_slice program;
	enum v6_via via;
	struct v6_facts facts; /* absent: OTHER, UNKNOWN, V6_UNKNOWN */
	int fd;                /* -1: absent */
	int proto;             /* IPPROTO_*; -1: absent */
	int after;             /* V6ONLY: 0, 1, V6_UNKNOWN */
	unsigned serves;       /* V6_SERVES_* bits; 0: absent */
	struct v6_families families_before;
	struct v6_families families_after;
	bool has_policy; /* policy, mode, action and finding apply */
	enum v6_policy policy;
	unsigned rule; /* from 1; 0: none */
	enum v6_mode mode;
	struct v6_verdict verdict;
	struct v6_holder holder;
	bool opened;    /* the port, to more sockets: sharing set SO_REUSEPORT; not in JSON */
	int64_t result; /* V6_NO_RESULT: absent */
	int error;      /* errno; 0: absent */
	struct v6_enforce enforce;
	uint64_t count;                 /* lost: how many; 0: absent */
	struct v6_slice version;        /* load */
	const struct v6_config *config; /* load, written: those in force; NULL: absent */
	struct v6_slice settings;       /* load, read: the object; to write text: its text, safe */
	struct v6_slice note;
};

/* How a member is written; see record.c for when each is absent. */
enum v6_field_kind {
	V6_FIELD_VERSION,  /* none: V6_RECORD_VERSION */
	V6_FIELD_TIME,     /* int64_t, RFC 3339 */
	V6_FIELD_FD,       /* int, absent where negative */
	V6_FIELD_COUNT,    /* unsigned or int, absent where 0 */
	V6_FIELD_COUNT64,  /* uint64_t, absent where 0 */
	V6_FIELD_UID,      /* int64_t, absent where negative */
	V6_FIELD_RESULT,   /* int64_t, absent where V6_NO_RESULT */
	V6_FIELD_BIT,      /* int, absent where V6_UNKNOWN */
	V6_FIELD_STRING,   /* slice, absent where empty */
	V6_FIELD_WORD,     /* an enum, by its list; absent where it has no word */
	V6_FIELD_DECISION, /* the same, absent without has_policy */
	V6_FIELD_PROTO,    /* int, absent where negative */
	V6_FIELD_ADDRESS,  /* struct v6_address without its port, absent for OTHER */
	V6_FIELD_PORT,     /* the port of one */
	V6_FIELD_AFAMILY,  /* the family of one */
	V6_FIELD_SERVES,   /* unsigned, absent where 0 */
	V6_FIELD_FAMILIES, /* struct v6_families */
	V6_FIELD_HOLDER,   /* struct v6_holder: an object of v6_holder_fields */
	V6_FIELD_ENFORCE,  /* struct v6_enforce: the same of v6_enforce_fields */
	V6_FIELD_ERRNO,    /* int: its name, or the number where it has none */
	V6_FIELD_SETTINGS, /* the settings that are not default */
};

struct v6_field {
	char key[16];
	uint8_t kind; /* enum v6_field_kind */
	uint8_t list; /* enum v6_list, of WORD and DECISION */
	uint16_t at;  /* offset of the member */
};

/* In the order in which they are written; the last one has no key. */
extern const struct v6_field v6_record_fields[], v6_holder_fields[], v6_enforce_fields[];

/* Everything absent; the second of one whose bytes are all 0, for the way of every call. */
void v6_record_init(struct v6_record *r, enum v6_event event);
void v6_record_init_zeroed(struct v6_record *r, enum v6_event event);

/* The lowest level at which the record is written. */
enum v6_log_level v6_record_level(const struct v6_record *r);

/*
 * Appends one line with its newline. false where it does not fit; the text then
 * ends where it began.
 */
bool v6_record_json(struct v6_text *t, const struct v6_record *r);
bool v6_record_text(struct v6_text *t, const struct v6_record *r);

/* The families that a socket serves, as V6_SERVES_* bits, from what the kernel says of it. */
unsigned v6_serves(const struct v6_address *bound, int v6only);
