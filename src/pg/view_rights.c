/*
 * view_rights.c
 *		May the current user read what a view reads?
 *
 * The right to SELECT from a view is not the right to see its rows: under a
 * security_invoker view the reader needs rights on the tables, too, and under
 * any other view its owner may have lost them.  Whoever gets "permission denied"
 * from the view must get no answer of a model that was made from it, also where
 * the answer reads no row.  So the privileges that the executor would check are
 * checked here, down all views, without planning or running anything.
 *
 * A view's relations carry the role that reads them whatever the view was
 * reached through, so each view is looked at once.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "pg/compat.h"
#include "pg/view_rights.h"

static bool view_denied(Oid view, List **seen);

/* Is there a relation in the tree that its reader may not read?  context: views seen. */
static bool
denied_walker(Node *node, void *context)
{
	List	  **seen = context;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return !query_permitted((Query *) node) ||
			query_tree_walker((Query *) node, denied_walker, context, QTW_EXAMINE_RTES_BEFORE);
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *entry = (RangeTblEntry *) node;

		return entry->rtekind == RTE_RELATION && entry->relkind == RELKIND_VIEW &&
			view_denied(entry->relid, seen);
	}
	return expression_tree_walker(node, denied_walker, context);
}

/* The same for the query of a view; one that is gone cannot be read. */
static bool
view_denied(Oid view, List **seen)
{
	Relation	relation;
	bool		denied;

	if (list_member_oid(*seen, view))
		return false;
	*seen = lappend_oid(*seen, view);
	relation = try_relation_open(view, AccessShareLock);
	if (relation == NULL)
		return true;
	denied = relation->rd_rel->relkind == RELKIND_VIEW &&
		denied_walker((Node *) get_view_query(relation), seen);
	relation_close(relation, AccessShareLock);
	return denied;
}

/* All relations below the view are readable. */
bool
view_sources_selectable(Oid view)
{
	List	   *seen = NIL;
	bool		denied = view_denied(view, &seen);

	list_free(seen);
	return !denied;
}
