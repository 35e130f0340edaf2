#include "json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "memory.h"

static void print_string(struct v6_slice s)
{
	/* Each byte may be written as six. */
	size_t size = 6 * s.len + 3;
	char *buf = v6_need(malloc(size));
	struct v6_text t = v6_text_in(buf, size);

	v6_text_json(&t, s.ptr, s.len);
	fputs(buf, stdout);
	free(buf);
}

void v6_json(const char *format, ...)
{
	struct v6_slice json;
	va_list args;

	va_start(args, format);
	for (; *format; format++) {
		if (*format != '%') {
			putchar(*format == '\'' ? '"' : *format);
			continue;
		}
		switch (*++format) {
		case 's':
			print_string(v6_slice_of(va_arg(args, const char *)));
			break;
		case 'v':
			print_string(va_arg(args, struct v6_slice));
			break;
		case 'd':
			printf("%d", va_arg(args, int));
			break;
		case 'u':
			printf("%" PRIu64, va_arg(args, uint64_t));
			break;
		case 'b':
			fputs(va_arg(args, int) ? "true" : "false", stdout);
			break;
		case 'j':
			json = va_arg(args, struct v6_slice);
			fwrite(json.ptr, 1, json.len, stdout);
			break;
		}
	}
	va_end(args);
}
