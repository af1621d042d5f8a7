/*
 * view_rights.h
 *		May the current user read what a view reads?
 */
#ifndef PG_VIEW_RIGHTS_H
#define PG_VIEW_RIGHTS_H

/*
 * Would a SELECT from the view pass the checks of privileges below it: those of
 * its owner or, under a security_invoker view, of the current user?  The right
 * to SELECT from the view itself is not looked at.
 */
extern bool view_sources_selectable(Oid view);

#endif							/* PG_VIEW_RIGHTS_H */
