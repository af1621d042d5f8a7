/*
 * methods.h
 *		Every method, each defined in a file of its own in this directory.
 *
 * A new one is declared here and listed in core/methods.c.
 */
#ifndef CORE_METHODS_METHODS_H
#define CORE_METHODS_METHODS_H

#include "core/method.h"

#endif							/* CORE_METHODS_METHODS_H */
