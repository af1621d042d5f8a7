/*
 * pin.c
 *		Cached objects that a running call may still be using.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "pg/pin.h"

/* Frees a dead object that nobody uses. */
static void
free_if_unused(Pinned *object)
{
	if (!object->dead || object->pins > 0)
		return;
	if (object->drop)
		object->drop(object);
	MemoryContextDelete(object->context);
}

/* The context that held a pin goes away. */
static void
unpin(void *arg)
{
	Pinned	   *object = arg;

	object->pins--;
	free_if_unused(object);
}

/* Holds the object until `until` is reset or deleted. */
void
pin_until(Pinned *object, MemoryContext until)
{
	MemoryContextCallback *callback = MemoryContextAlloc(until, sizeof(*callback));

	callback->func = unpin;
	callback->arg = object;
	MemoryContextRegisterResetCallback(until, callback);
	object->pins++;
}

/* Takes the object out of use: freed now, or when the last pin goes. */
void
pin_discard(Pinned *object)
{
	object->dead = true;
	free_if_unused(object);
}
