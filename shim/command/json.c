#include "json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "memory.h"

void v6_json(const char *format, ...)
{
	static char last =
		'\n'; /* of the format before: a value's, or one after which none can be */
	struct v6_slice json;
	struct v6_text text;
	va_list args;

	if ((*format == '\'' || *format == '{') && !strchr("{[:\n", last))
		putchar(',');
	last = format[strlen(format) - 1];
	va_start(args, format);
	for (; *format; format++) {
		if (*format != '%') {
			putchar(*format == '\'' ? '"' : *format);
			continue;
		}
		switch (*++format) {
		case 's':
		case 'v':
			json = *format == 's' ? v6_slice_of(va_arg(args, const char *))
					      : va_arg(args, struct v6_slice);
			/* Each byte may be written as six. */
			text = v6_text_in(v6_need(malloc(6 * json.len + 3)), 6 * json.len + 3);
			v6_text_json(&text, json.ptr, json.len);
			fputs(text.buf, stdout);
			free(text.buf);
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
