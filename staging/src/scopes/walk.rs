//! Walking trees.
//!
//! The walk through a tree is one function for each type of it, made anew for each type of visitor. There is one visitor
//! of each sort here, which asks an object what to do: the crate would be twenty times as large otherwise, and as slow to
//! build.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, ObjectName, Query, Select, TableFactor, Visit, VisitMut, Visitor, VisitorMut};

/// What a walk does next.
pub(crate) type Flow = ControlFlow<()>;

/// Goes on.
pub(crate) const ON: Flow = ControlFlow::Continue(());

/// Ends the walk.
pub(crate) const STOP: Flow = ControlFlow::Break(());

/// Looks at a tree.
pub(crate) trait Look {
    fn query(&mut self, _query: &Query) -> Flow {
        ON
    }
    fn query_left(&mut self, _query: &Query) {}
    fn select(&mut self, _select: &Select) -> Flow {
        ON
    }
    fn relation(&mut self, _relation: &ObjectName) -> Flow {
        ON
    }
    fn factor(&mut self, _factor: &TableFactor) -> Flow {
        ON
    }
    fn expression(&mut self, _expression: &Expr) -> Flow {
        ON
    }
    fn expression_left(&mut self, _expression: &Expr) {}
}

/// Changes a tree.
pub(crate) trait Change {
    fn query(&mut self, _query: &mut Query) -> Flow {
        ON
    }
    fn select(&mut self, _select: &mut Select) -> Flow {
        ON
    }
    fn factor(&mut self, _factor: &mut TableFactor) -> Flow {
        ON
    }
    fn expression(&mut self, _expression: &mut Expr) -> Flow {
        ON
    }
    fn expression_left(&mut self, _expression: &mut Expr) {}
}

/// Walks a part of a query. Returns whether it went to the end.
pub(crate) fn look<N: Visit>(node: &N, at: &mut dyn Look) -> Flow {
    node.visit(&mut Looking(at))
}

/// Walks a part of a query that may be changed on the way. What takes the place of an expression is walked too.
pub(crate) fn change<N: VisitMut>(node: &mut N, by: &mut dyn Change) -> Flow {
    node.visit(&mut Changing(by))
}

/// Whether a part of a query holds an expression as wanted, also in subqueries.
pub(crate) fn holds<N: Visit>(node: &N, wanted: &dyn Fn(&Expr) -> bool) -> bool {
    struct Holding<'a>(&'a dyn Fn(&Expr) -> bool);
    impl Look for Holding<'_> {
        fn expression(&mut self, expression: &Expr) -> Flow {
            if (self.0)(expression) { STOP } else { ON }
        }
    }
    look(node, &mut Holding(wanted)).is_break()
}

struct Looking<'a>(&'a mut dyn Look);

impl Visitor for Looking<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> Flow {
        self.0.query(query)
    }

    fn post_visit_query(&mut self, query: &Query) -> Flow {
        self.0.query_left(query);
        ON
    }

    fn pre_visit_select(&mut self, select: &Select) -> Flow {
        self.0.select(select)
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> Flow {
        self.0.relation(relation)
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Flow {
        self.0.factor(factor)
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> Flow {
        self.0.expression(expression)
    }

    fn post_visit_expr(&mut self, expression: &Expr) -> Flow {
        self.0.expression_left(expression);
        ON
    }
}

struct Changing<'a>(&'a mut dyn Change);

impl VisitorMut for Changing<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> Flow {
        self.0.query(query)
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> Flow {
        self.0.select(select)
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> Flow {
        self.0.factor(factor)
    }

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> Flow {
        self.0.expression(expression)
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> Flow {
        self.0.expression_left(expression);
        ON
    }
}
