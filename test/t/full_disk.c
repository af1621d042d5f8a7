/*
 * full_disk.c: a disk that is full, for one server, without a disk: preloaded into it by disk_full.pl.
 *
 * While the file named by FULL_DISK exists, writing to files whose path contains its text fails with ENOSPC, in every
 * process that loaded this library, after as many writes as the text says: "SKIP PATTERN". Nothing is changed otherwise.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Reads the order, "SKIP PATTERN"; false when the disk is not full. */
static bool
read_order(long *skip, char *pattern, size_t size, struct stat *order)
{
	const char *name = getenv("FULL_DISK");
	char		text[300];
	char	   *end;
	int			fd;
	ssize_t		length;

	if (name == NULL || (fd = open(name, O_RDONLY | O_CLOEXEC)) < 0)
		return false;
	length = read(fd, text, sizeof(text) - 1);
	if (fstat(fd, order) != 0)
		length = -1;
	close(fd);
	if (length <= 0)
		return false;
	text[length] = '\0';
	*skip = strtol(text, &end, 10);
	snprintf(pattern, size, "%s", *end == ' ' ? end + 1 : end);
	return true;
}

/* Does writing to this file fail now?  errno is set then, and as it was otherwise. */
static bool
is_full(int fd)
{
	static struct timespec seen;
	static long writes;			/* since the order that was seen */
	int			saved = errno;
	char		pattern[300];
	char		link[40];
	char		path[1000];
	long		skip;
	ssize_t		length;
	struct stat order;
	bool		full = false;

	if (read_order(&skip, pattern, sizeof(pattern), &order))
	{
		if (memcmp(&seen, &order.st_mtim, sizeof(seen)) != 0)
		{
			seen = order.st_mtim;
			writes = 0;
		}
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		length = readlink(link, path, sizeof(path) - 1);
		path[length > 0 ? length : 0] = '\0';
		full = strstr(path, pattern) != NULL && writes++ >= skip;
	}
	errno = full ? ENOSPC : saved;
	return full;
}

/* Defines a function that fails when the disk is full and else calls the one of the C library. */
#define WRAP(result, name, failure, params, args) \
	result name params; \
	result \
	name params \
	{ \
		static result (*next) params; \
		if (next == NULL) \
			*(void **) &next = dlsym(RTLD_NEXT, #name); \
		return is_full(fd) ? (failure) : next args; \
	}

WRAP(ssize_t, write, -1, (int fd, const void *data, size_t n), (fd, data, n))
WRAP(ssize_t, pwrite, -1, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at))
WRAP(ssize_t, pwrite64, -1, (int fd, const void *data, size_t n, off64_t at), (fd, data, n, at))
WRAP(ssize_t, pwritev, -1, (int fd, const struct iovec *data, int n, off_t at), (fd, data, n, at))
WRAP(ssize_t, pwritev64, -1, (int fd, const struct iovec *data, int n, off64_t at), (fd, data, n, at))
WRAP(int, posix_fallocate, ENOSPC, (int fd, off_t at, off_t n), (fd, at, n))
WRAP(int, posix_fallocate64, ENOSPC, (int fd, off64_t at, off64_t n), (fd, at, n))
