#include "listener.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "../govern/kernel.h"
#include "../govern/sys.h"
#include "filter.h"

enum { QUEUE = 256, LOST = 64 };

static struct v6_abi_notification queue[QUEUE];
static unsigned first, count;
static int listener;
static bool waits;

static struct lost {
	int tid; /* 0: none */
	int fd;
	bool sent;
	size_t len;
	unsigned char address[sizeof(struct sockaddr_storage)];
} lost[LOST];
static unsigned next_lost;

void v6_listener_init(int fd)
{
	unsigned long flags = V6_NOTIF_SYNC_WAKE_UP; /* Linux 6.6 */

	listener = fd;
	waits = v6_filter_waits();
	v6_sys_fcntl(fd, F_SETFL, O_NONBLOCK);
	v6_syscall(SYS_ioctl, fd, V6_NOTIF_SET_FLAGS, flags);
}

/* ENOENT: it was interrupted, or killed, before it was received. */
static void receive(void)
{
	struct v6_abi_notification *n = &queue[(first + count) % QUEUE];

	memset(n, 0, sizeof(*n));
	if (!v6_syscall(SYS_ioctl, listener, V6_NOTIF_RECV, n))
		count++;
}

const struct v6_abi_notification *v6_listener_next(int other, bool (*ready)(void))
{
	for (;;) {
		struct pollfd p[] = {
			{.fd = listener, .events = POLLIN}, {.fd = other, .events = POLLIN}};
		int n = poll(p, 2, count ? 0 : -1);

		if (n > 0 && p[1].revents && !ready())
			return NULL;
		if (n > 0 && p[0].revents & POLLIN && count < QUEUE) {
			receive();
		} else if (count) {
			count--;
			return &queue[first++ % QUEUE];
		} else if (n > 0 && p[0].revents & (POLLHUP | POLLERR | POLLNVAL)) {
			return NULL;
		}
	}
}

bool v6_listener_valid(uint64_t id)
{
	return !v6_syscall(SYS_ioctl, listener, V6_NOTIF_ID_VALID, &id);
}

bool v6_listener_answer(const struct v6_abi_answer *answer)
{
	return !v6_syscall(SYS_ioctl, listener, V6_NOTIF_SEND, answer);
}

void v6_listener_add_lost(int tid, int fd, const void *address, size_t len, bool sent)
{
	struct lost *l;

	if (sent && waits)
		return;
	l = &lost[next_lost++ % LOST];
	*l = (struct lost){.tid = tid, .fd = fd, .sent = sent, .len = len};
	memcpy(l->address, address, len);
}

bool v6_listener_take_lost(int tid, int fd, const void *address, size_t len)
{
	bool taken = false;

	for (struct lost *l = lost; next_lost && l < lost + LOST; l++) {
		bool same = l->tid == tid && l->fd == fd && l->len == len &&
			    !memcmp(l->address, address, len);

		taken = taken || same;
		if (same || (l->tid == tid && l->sent))
			l->tid = 0;
	}
	return taken;
}
