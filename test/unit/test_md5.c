/*
 * test_md5.c: MD5 against the test suite of RFC 1321, section A.5, and messages cut in pieces.
 */
#include <string.h>

#include "core/md5.h"
#include "unit.h"

/* The digest of a message, as text. */
static void
digest_text(const char *message, size_t piece, char *text)
{
	size_t		length = strlen(message);
	uint8_t		digest[MD5_BYTES];
	Md5			md5;

	md5_begin(&md5);
	for (size_t i = 0; i < length; i += piece)
		md5_add(&md5, message + i, length - i < piece ? length - i : piece);
	md5_end(&md5, digest);
	for (int i = 0; i < MD5_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

/* All messages of the RFC, in pieces of several sizes. */
static void
test_rfc(void)
{
	static const struct
	{
		const char *message;
		const char *digest;
	}			suite[] = {
		{"", "d41d8cd98f00b204e9800998ecf8427e"},
		{"a", "0cc175b9c0f1b6a831c399e269772661"},
		{"abc", "900150983cd24fb0d6963f7d28e17f72"},
		{"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
		{"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
		{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
		"d174ab98d277d9f5a5611c2c9f419d9f"},
		{"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
		"57edf4a22be3c955ac49da2e2107b67a"},
	};

	for (size_t i = 0; i < sizeof(suite) / sizeof(suite[0]); i++)
		for (size_t piece = 1; piece <= 100; piece += 33)
		{
			char		text[2 * MD5_BYTES + 1] = "";

			digest_text(suite[i].message, piece, text);
			CHECK(strcmp(text, suite[i].digest) == 0);
		}
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_rfc);
	return unit_done();
}
