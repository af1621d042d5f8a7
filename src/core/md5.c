/*
 * md5.c
 *		MD5 by its definition in RFC 1321, section 3.
 *
 * About .2 microseconds for a message of less than 56 bytes.
 */
#include "core/md5.h"

#include <string.h>

#define LENGTH_AT (MD5_BLOCK - 8)	/* of the last block: the length in bits */

/* T[i] of the RFC: 2^32 |sin(i)|, i from 1, rounded down. */
static const uint32_t sines[64] = {
	0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a,
	0xa8304613, 0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be,
	0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340,
	0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
	0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8,
	0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c,
	0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
	0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
	0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92,
	0xffeff47d, 0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1,
	0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391
};

/* Rotations of the four rounds; each repeats its row. */
static const uint8_t rotations[4][4] = {
	{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}
};

/* Bits of x rotated to the left by 0 < n < 32. */
static inline uint32_t
rotate_left(uint32_t x, int n)
{
	return (x << n) | (x >> (32 - n));
}

/* Word i of a block: least byte first, on every machine. */
static inline uint32_t
block_word(const uint8_t *block, int i)
{
	const uint8_t *b = block + 4 * i;

	return (uint32_t) b[0] | (uint32_t) b[1] << 8 | (uint32_t) b[2] << 16 | (uint32_t) b[3] << 24;
}

/* What step i mixes of the three other words. */
static inline uint32_t
mix(int round, uint32_t b, uint32_t c, uint32_t d)
{
	switch (round)
	{
		case 0:
			return (b & c) | (~b & d);
		case 1:
			return (b & d) | (c & ~d);
		case 2:
			return b ^ c ^ d;
		default:
			return c ^ (b | ~d);
	}
}

/* Mixes one block into the state. */
static void
add_block(uint32_t *state, const uint8_t *block)
{
	static const uint8_t factors[4] = {1, 5, 3, 7};
	static const uint8_t starts[4] = {0, 1, 5, 0};
	uint32_t	a = state[0];
	uint32_t	b = state[1];
	uint32_t	c = state[2];
	uint32_t	d = state[3];

	for (int i = 0; i < 64; i++)
	{
		int			round = i / 16;
		uint32_t	word = block_word(block, (factors[round] * i + starts[round]) % 16);
		uint32_t	sum = a + mix(round, b, c, d) + word + sines[i];

		a = d;
		d = c;
		c = b;
		b += rotate_left(sum, rotations[round][i % 4]);
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
}

/* The empty message. */
void
md5_begin(Md5 *md5)
{
	static const uint32_t start[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

	memcpy(md5->state, start, sizeof(start));
	md5->length = 0;
}

/* Appends bytes to the message. */
void
md5_add(Md5 *md5, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;

	while (length > 0)
	{
		size_t		held = (size_t) (md5->length % MD5_BLOCK);
		size_t		room = MD5_BLOCK - held;
		size_t		taken = length < room ? length : room;

		memcpy(md5->block + held, from, taken);
		md5->length += taken;
		from += taken;
		length -= taken;
		if (taken == room)
			add_block(md5->state, md5->block);
	}
}

/* Pads with one bit, zeros and the length, and writes the digest. */
void
md5_end(Md5 *md5, uint8_t digest[MD5_BYTES])
{
	static const uint8_t padding[MD5_BLOCK] = {0x80};
	uint64_t	bits = md5->length * 8;
	size_t		held = (size_t) (md5->length % MD5_BLOCK);
	uint8_t		length[8];

	for (int i = 0; i < 8; i++)
		length[i] = (uint8_t) (bits >> (8 * i));
	md5_add(md5, padding, held < LENGTH_AT ? LENGTH_AT - held : LENGTH_AT + MD5_BLOCK - held);
	md5_add(md5, length, sizeof(length));
	for (int i = 0; i < MD5_BYTES; i++)
		digest[i] = (uint8_t) (md5->state[i / 4] >> (8 * (i % 4)));
}
