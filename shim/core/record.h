/*
 * One log record: what happened at one call, and its two written forms.
 * The writer (the library) and the reader (v6shim report) share this struct.
 *
 * Strings are slices of memory that outlives the record; an empty slice, a -1
 * or a 0 as noted says that the key does not apply and is absent.
 */
#ifndef V6_RECORD_H
#define V6_RECORD_H

#include "address.h"
#include "policy.h"
#include "settings.h"
#include "terms.h"

/* The version of the record format, key `v`. */
enum { V6_RECORD_VERSION = 1 };

/* What is always enough for one written record, newline and NUL included: PIPE_BUF. */
enum { V6_RECORD_SIZE = 4096 };

/* Families that a socket serves. */
enum { V6_SERVES_INET6 = 1, V6_SERVES_INET = 2 };

/* The families of an address list in order, at most this many told. */
enum { V6_FAMILIES_MAX = 32 };

struct v6_families {
	uint8_t count;  /* 0: absent */
	uint32_t inet6; /* bit i: the i-th is IPv6, otherwise IPv4 */
};

/* Who holds a port. */
struct v6_holder {
	bool known;      /* whether there is a holder to tell of */
	bool connection; /* no listener: a connection that is open or in TIME_WAIT; not in JSON */
	int fd;          /* of this process; -1: not ours, or not known */
	int pid;         /* 0: not known */
	int64_t uid;     /* -1: not known */
	struct v6_slice program; /* empty: not known */
	struct v6_address address;
	int8_t v6only; /* 0, 1, V6_UNKNOWN */
};

struct v6_record {
	int64_t time; /* microseconds since the epoch */
	int pid;
	int tid;
	struct v6_slice program;
	uint8_t event;             /* enum v6_event */
	uint8_t family;            /* enum v6_family */
	uint8_t type;              /* enum v6_type; UNKNOWN: absent */
	uint8_t serves;            /* V6_SERVES_* bits; 0: absent */
	int fd;                    /* -1: absent */
	int proto;                 /* IPPROTO_*; -1: absent */
	struct v6_address address; /* family OTHER: absent */
	int8_t value;              /* setsockopt: what is asked for now; written as `asked` */
	int8_t asked;
	int8_t before;
	int8_t after;
	int8_t want; /* the V6ONLY that the verdict named, for the text form; not in JSON */
	struct v6_families families_before;
	struct v6_families families_after;
	uint8_t policy;  /* enum v6_policy */
	uint8_t mode;    /* enum v6_mode */
	uint8_t action;  /* enum v6_action */
	uint8_t finding; /* enum v6_finding */
	unsigned rule;   /* from 1; 0: none */
	struct v6_holder holder;
	bool has_result;
	int64_t result;
	int error;      /* errno; 0: absent */
	uint64_t count; /* lost: how many */
	struct v6_slice note;
};

/* Everything absent. */
void v6_record_init(struct v6_record *r, enum v6_event event);

/* The lowest level at which the record is written. */
enum v6_level v6_record_level(const struct v6_record *r);

/*
 * Appends one line with its newline. false where it does not fit; the text then
 * ends where it began.
 */
bool v6_record_json(struct v6_text *t, const struct v6_record *r);
bool v6_record_text(struct v6_text *t, const struct v6_record *r);

/* The families that a socket serves, as V6_SERVES_* bits, from what the kernel says of it. */
unsigned v6_serves(const struct v6_address *bound, int v6only);

#endif
