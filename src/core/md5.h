/*
 * md5.h
 *		MD5 (R. Rivest, RFC 1321, 1992), as SQL's function md5() computes it.
 *
 * For hashes that people can compute elsewhere, such as those that draw splits.
 * It keeps no secret and defends against nobody.
 */
#ifndef CORE_MD5_H
#define CORE_MD5_H

#include <stddef.h>
#include <stdint.h>

#define MD5_BYTES 16			/* of a digest */
#define MD5_BLOCK 64			/* bytes mixed at a time */

/* A message of which a part has been read. */
typedef struct Md5
{
	uint32_t	state[4];
	uint64_t	length;			/* bytes read */
	uint8_t		block[MD5_BLOCK];	/* the last ones, not mixed yet */
} Md5;

extern void md5_begin(Md5 *md5);
extern void md5_add(Md5 *md5, const void *bytes, size_t length);
extern void md5_end(Md5 *md5, uint8_t digest[MD5_BYTES]);

#endif							/* CORE_MD5_H */
