//! Calls of the extension's functions inside expressions, and when they are made.

use pgrx::pg_sys::{self, BoolTestType, Expr, FuncExpr, List, Node, NodeTag};

use super::nodes::{all_of, any_of, boolean_test, equal, is_null, items, tag, walk, walk_below};
use super::placeholders::{reads_placeholder, with_tested_value};
use crate::functions::Function;

/// A call that can be made for many rows at once.
#[derive(Clone)]
pub(super) struct Call {
    /// The call, in the terms of the plan node that it was found in.
    pub(super) expression: *mut FuncExpr,
    /// Under what condition its value is asked for; none where it always is.
    pub(super) condition: Option<*mut Expr>,
    /// 1 where no other call must be answered before, else one more than those.
    pub(super) depth: usize,
}

/// Where calls are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// Outside aggregates: what is evaluated for each row that a node gives out.
    Outside,
    /// Inside aggregates and window functions: what is evaluated for each row that a node takes in.
    Aggregates,
    /// Everywhere.
    Everywhere,
}

/// Whether an expression (or a list) calls a function of the extension that can be batched.
pub(super) unsafe fn has_call<T>(node: *mut T) -> bool {
    let mut found = false;
    // SAFETY: the caller passes an expression, a list of them, or null.
    unsafe {
        walk(node, &mut |node| {
            found = found || is_call(node);
            !found
        });
    }
    found
}

/// Whether a node is such a call itself.
pub(super) unsafe fn is_call(node: *mut Node) -> bool {
    // SAFETY: the tag says which type the node has.
    unsafe {
        tag(node) == NodeTag::T_FuncExpr
            && Function::of((*node.cast::<FuncExpr>()).funcid).is_some_and(Function::batched)
    }
}

/// The calls in these expressions, each once, the ones that others need before them.
pub(super) unsafe fn calls_in(expressions: &[*mut Node], place: Where) -> Vec<Call> {
    let mut finder = Finder {
        found: Vec::new(),
        conditions: Vec::new(),
    };
    // SAFETY: the caller passes expressions or lists of them.
    unsafe {
        for &expression in expressions {
            match place {
                Where::Aggregates => finder.find_in_aggregates(expression),
                Where::Outside | Where::Everywhere => finder.find(expression, place == Where::Everywhere),
            }
        }
        finder.settle()
    }
}

struct Found {
    expression: *mut FuncExpr,
    /// Any of these; none where it is always asked for.
    conditions: Option<Vec<*mut Expr>>,
}

struct Finder {
    found: Vec<Found>,
    /// All of these hold where the search is now.
    conditions: Vec<*mut Expr>,
}

impl Finder {
    unsafe fn find_in_aggregates(&mut self, node: *mut Node) {
        // SAFETY: the tags say which types nodes have.
        unsafe {
            walk(node, &mut |node| {
                let (arguments, filter): (*mut List, *mut Expr) = match tag(node) {
                    NodeTag::T_Aggref => {
                        let aggregate = node.cast::<pg_sys::Aggref>();
                        ((*aggregate).args, (*aggregate).aggfilter)
                    }
                    NodeTag::T_WindowFunc => {
                        let window = node.cast::<pg_sys::WindowFunc>();
                        ((*window).args, (*window).aggfilter)
                    }
                    _ => return true,
                };
                let mut within = Vec::new();
                if !filter.is_null() {
                    self.find(filter.cast(), true);
                    within.push(boolean_test(filter, BoolTestType::IS_TRUE));
                }
                self.under(within, |finder| finder.find(arguments.cast(), true));
                false
            });
        }
    }

    fn under(&mut self, conditions: Vec<*mut Expr>, look: impl FnOnce(&mut Self)) {
        let before = self.conditions.len();
        self.conditions.extend(conditions);
        look(self);
        self.conditions.truncate(before);
    }

    /// What is evaluated only sometimes is found with the condition: a branch of CASE, the later arguments of COALESCE,
    /// AND and OR. Where it doesn't hold, nothing is sent.
    unsafe fn find(&mut self, node: *mut Node, in_aggregates: bool) {
        if node.is_null() {
            return;
        }
        // SAFETY: the tags say which types nodes have.
        unsafe {
            match tag(node) {
                NodeTag::T_Aggref | NodeTag::T_WindowFunc | NodeTag::T_GroupingFunc if !in_aggregates => {}
                NodeTag::T_CaseExpr => self.find_in_case(node.cast(), in_aggregates),
                NodeTag::T_CoalesceExpr => {
                    let arguments = items::<Expr>((*node.cast::<pg_sys::CoalesceExpr>()).args);
                    self.find_in_turn(&arguments, in_aggregates, |argument| is_null(argument));
                }
                NodeTag::T_BoolExpr => {
                    let boolean = node.cast::<pg_sys::BoolExpr>();
                    let arguments = items::<Expr>((*boolean).args);
                    let test = if (*boolean).boolop == pg_sys::BoolExprType::OR_EXPR {
                        BoolTestType::IS_NOT_TRUE
                    } else {
                        BoolTestType::IS_NOT_FALSE
                    };
                    self.find_in_turn(&arguments, in_aggregates, |argument| boolean_test(argument, test));
                }
                NodeTag::T_RowCompareExpr => {
                    // Later columns are evaluated only where the ones before are equal: they stay where they are.
                    let compared = node.cast::<pg_sys::RowCompareExpr>();
                    for side in [(*compared).largs, (*compared).rargs] {
                        if let Some(&first) = items::<Node>(side).first() {
                            self.find(first, in_aggregates);
                        }
                    }
                }
                _ => {
                    walk_below(node, &mut |inner| {
                        self.find(inner, in_aggregates);
                        false
                    });
                    if is_call(node) {
                        self.add(node.cast());
                    }
                }
            }
        }
    }

    /// Arguments of which each is evaluated only where the ones before it pass a test.
    unsafe fn find_in_turn(
        &mut self,
        arguments: &[*mut Expr],
        in_aggregates: bool,
        test: impl Fn(*mut Expr) -> *mut Expr,
    ) {
        for (index, &argument) in arguments.iter().enumerate() {
            let passed = arguments[..index].iter().map(|&before| test(before)).collect();
            // SAFETY: arguments of an expression are expressions.
            self.under(passed, |finder| unsafe { finder.find(argument.cast(), in_aggregates) });
        }
    }

    unsafe fn find_in_case(&mut self, case: *mut pg_sys::CaseExpr, in_aggregates: bool) {
        // SAFETY: the arguments of CASE are CaseWhen nodes.
        unsafe {
            self.find((*case).arg.cast(), in_aggregates);
            let mut missed: Vec<*mut Expr> = Vec::new();
            for when in items::<pg_sys::CaseWhen>((*case).args) {
                let condition = with_tested_value((*when).expr, (*case).arg);
                self.under(missed.clone(), |finder| {
                    finder.find(condition.cast(), in_aggregates);
                    let met = boolean_test(condition, BoolTestType::IS_TRUE);
                    finder.under(vec![met], |finder| finder.find((*when).result.cast(), in_aggregates));
                });
                missed.push(boolean_test(condition, BoolTestType::IS_NOT_TRUE));
            }
            self.under(missed, |finder| finder.find((*case).defresult.cast(), in_aggregates));
        }
    }

    /// Adds a call, unless it can only be made where it stands: it reads what its place gives it, or it or its condition
    /// is another each time that it is evaluated.
    unsafe fn add(&mut self, expression: *mut FuncExpr) {
        // SAFETY: conditions are expressions of the same node.
        unsafe {
            if reads_placeholder(expression.cast())
                || is_volatile(expression.cast())
                || self.conditions.iter().any(|&condition| is_volatile(condition))
            {
                return;
            }
            let condition = (!self.conditions.is_empty()).then(|| all_of(&self.conditions));
            match self.found.iter_mut().find(|found| equal(found.expression, expression)) {
                Some(found) => match (&mut found.conditions, condition) {
                    (Some(conditions), Some(condition)) => conditions.push(condition),
                    (conditions, None) => *conditions = None,
                    (None, Some(_)) => {}
                },
                None => self.found.push(Found {
                    expression,
                    conditions: condition.map(|condition| vec![condition]),
                }),
            }
        }
    }

    /// Depths: a call comes after those in its arguments and in its condition.
    unsafe fn settle(self) -> Vec<Call> {
        // SAFETY: what was found are expressions.
        unsafe {
            let mut calls: Vec<Call> = self
                .found
                .iter()
                .map(|found| Call {
                    expression: found.expression,
                    condition: found.conditions.as_ref().map(|conditions| any_of(conditions)),
                    depth: 0,
                })
                .collect();
            // Each round settles at least the calls that need only settled ones; nesting is finite.
            for _ in 0..calls.len() {
                for index in 0..calls.len() {
                    let needed = depth_of(calls[index].expression.cast(), &calls, true).max(
                        calls[index]
                            .condition
                            .map_or(0, |it| depth_of(it.cast(), &calls, false)),
                    );
                    calls[index].depth = needed + 1;
                }
            }
            calls.sort_by_key(|call| call.depth);
            calls
        }
    }
}

/// The greatest depth of the calls in an expression.
unsafe fn depth_of(expression: *mut Node, calls: &[Call], below: bool) -> usize {
    let mut deepest = 0;
    let mut visitor = |node: *mut Node| {
        // SAFETY: nodes that are walked over are expressions.
        unsafe {
            if is_call(node)
                && let Some(call) = calls.iter().find(|call| equal(call.expression, node))
            {
                deepest = deepest.max(call.depth);
            }
        }
        true
    };
    // SAFETY: the caller passes an expression.
    unsafe {
        if below {
            walk_below(expression, &mut visitor);
        } else {
            walk(expression, &mut visitor);
        }
    }
    deepest
}

/// Whether an expression may have another value each time that it is evaluated.
unsafe fn is_volatile(expression: *mut Expr) -> bool {
    // SAFETY: the caller passes an expression of a finished plan.
    unsafe { pg_sys::contain_volatile_functions(expression.cast()) }
}
