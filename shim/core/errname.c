#include "errname.h"

#include <errno.h>
#include <string.h>

/*
 * errno(3), in order of name. Fixed-size text rather than pointers: a table of
 * pointers would be relocated, page by page, in every process at its start.
 */
static const struct {
	char name[16];
	int number;
} errnames[] = {
#define N(name) {#name, name},
	/* clang-format off */
	N(E2BIG) N(EACCES) N(EADDRINUSE) N(EADDRNOTAVAIL) N(EADV) N(EAFNOSUPPORT) N(EAGAIN)
	N(EALREADY) N(EBADE) N(EBADF) N(EBADFD) N(EBADMSG) N(EBADR) N(EBADRQC) N(EBADSLT)
	N(EBFONT) N(EBUSY) N(ECANCELED) N(ECHILD) N(ECHRNG) N(ECOMM) N(ECONNABORTED)
	N(ECONNREFUSED) N(ECONNRESET) N(EDEADLK) N(EDESTADDRREQ) N(EDOM) N(EDOTDOT) N(EDQUOT)
	N(EEXIST) N(EFAULT) N(EFBIG) N(EHOSTDOWN) N(EHOSTUNREACH) N(EHWPOISON) N(EIDRM) N(EILSEQ)
	N(EINPROGRESS) N(EINTR) N(EINVAL) N(EIO) N(EISCONN) N(EISDIR) N(EISNAM) N(EKEYEXPIRED)
	N(EKEYREJECTED) N(EKEYREVOKED) N(EL2HLT) N(EL2NSYNC) N(EL3HLT) N(EL3RST) N(ELIBACC)
	N(ELIBBAD) N(ELIBEXEC) N(ELIBMAX) N(ELIBSCN) N(ELNRNG) N(ELOOP) N(EMEDIUMTYPE) N(EMFILE)
	N(EMLINK) N(EMSGSIZE) N(EMULTIHOP) N(ENAMETOOLONG) N(ENAVAIL) N(ENETDOWN) N(ENETRESET)
	N(ENETUNREACH) N(ENFILE) N(ENOANO) N(ENOBUFS) N(ENOCSI) N(ENODATA) N(ENODEV) N(ENOENT)
	N(ENOEXEC) N(ENOKEY) N(ENOLCK) N(ENOLINK) N(ENOMEDIUM) N(ENOMEM) N(ENOMSG) N(ENONET)
	N(ENOPKG) N(ENOPROTOOPT) N(ENOSPC) N(ENOSR) N(ENOSTR) N(ENOSYS) N(ENOTBLK) N(ENOTCONN)
	N(ENOTDIR) N(ENOTEMPTY) N(ENOTNAM) N(ENOTRECOVERABLE) N(ENOTSOCK) N(ENOTTY) N(ENOTUNIQ)
	N(ENXIO) N(EOPNOTSUPP) N(EOVERFLOW) N(EOWNERDEAD) N(EPERM) N(EPFNOSUPPORT) N(EPIPE)
	N(EPROTO) N(EPROTONOSUPPORT) N(EPROTOTYPE) N(ERANGE) N(EREMCHG) N(EREMOTE) N(EREMOTEIO)
	N(ERESTART) N(ERFKILL) N(EROFS) N(ESHUTDOWN) N(ESOCKTNOSUPPORT) N(ESPIPE) N(ESRCH)
	N(ESRMNT) N(ESTALE) N(ESTRPIPE) N(ETIME) N(ETIMEDOUT) N(ETOOMANYREFS) N(ETXTBSY)
	N(EUCLEAN) N(EUNATCH) N(EUSERS) N(EXDEV) N(EXFULL)
	/* Second names of numbers above: read, never written. */
	N(EDEADLOCK) N(ENOTSUP) N(EWOULDBLOCK)
/* clang-format on */
#undef N
};

enum { COUNT = sizeof(errnames) / sizeof(*errnames) };

const char *v6_errname(int number)
{
	for (unsigned i = 0; i < COUNT; i++)
		if (errnames[i].number == number)
			return errnames[i].name;
	return NULL;
}

int v6_errname_parse(struct v6_slice name)
{
	for (unsigned i = 0; i < COUNT; i++)
		if (v6_slice_is(name, errnames[i].name))
			return errnames[i].number;
	return 0;
}

const char *v6_errname_at(unsigned i)
{
	return i < COUNT ? errnames[i].name : NULL;
}

static const struct {
	int number;
	char words[64];
} file_errors[] = {
	{EACCES, ": permission denied (EACCES)"},
	{EAGAIN, ": nothing to read (EAGAIN)"},
	{EIO, ": input/output error (EIO)"},
	{EISDIR, ": is a directory (EISDIR)"},
	{ELOOP, ": too many symbolic links (ELOOP)"},
	{EMFILE, ": too many open descriptors (EMFILE)"},
	{ENAMETOOLONG, ": name too long (ENAMETOOLONG)"},
	{ENFILE, ": too many open files (ENFILE)"},
	{ENOENT, ": no such file (ENOENT)"},
	{ENOTDIR, ": a part of the path is no directory (ENOTDIR)"},
	{ENXIO, ": is a socket or a device (ENXIO)"},
	{EPERM, ": not permitted (EPERM)"},
	{ECONNREFUSED, ": nobody listens there (ECONNREFUSED)"},
	{EINVAL, ": is no file, FIFO or character device (EINVAL)"},
	{EPIPE, ": nobody reads it (EPIPE)"},
	{EBADF, ": is no descriptor that can be written to (EBADF)"},
	{EXDEV, ": not there in the root directory of now (EXDEV)"},
};

const char *v6_errno_words(int number)
{
	for (unsigned i = 0; i < sizeof(file_errors) / sizeof(*file_errors); i++)
		if (file_errors[i].number == number)
			return file_errors[i].words;
	return ": not to be opened";
}

void v6_errno_text(struct v6_text *t, int number)
{
	const char *name = v6_errname(number);

	if (name)
		v6_text_str(t, name);
	else
		v6_text_print(t, "errno %d", number);
}
