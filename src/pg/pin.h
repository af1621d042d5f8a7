/*
 * pin.h
 *		Cached objects that a running call may still be using.
 *
 * A call may run code of others (a view, a policy) that calls us again and
 * makes the cache replace what the outer call holds.  So every use pins: the
 * object outlives its place in the cache until the last pin is gone.  Pins are
 * tied to a memory context and so are released on errors, too.
 */
#ifndef PG_PIN_H
#define PG_PIN_H

typedef struct Pinned
{
	int			pins;
	bool		dead;			/* no longer in its cache: free at the last unpin */
	MemoryContext context;		/* holds the object; deleted to free it */
	void		(*drop) (struct Pinned *object);	/* frees what the context does not hold; or NULL */
} Pinned;

/* Holds the object until `until` is reset or deleted. */
extern void pin_until(Pinned *object, MemoryContext until);

/* Takes the object out of use: freed now, or when the last pin goes. */
extern void pin_discard(Pinned *object);

#endif							/* PG_PIN_H */
