//! Bounds on what models may be asked, kept before they are asked.

use std::sync::{Mutex, PoisonError};

use refuel_dag::ModelNode;
use refuel_project::Budget;

use crate::error::RunError;
use crate::request::RunRequest;
use crate::words::{decimal, grouped};

/// What would be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Demand {
    /// Distinct inputs.
    pub(crate) rows: u64,
    /// Tokens.
    pub(crate) tokens: u64,
    /// Seconds.
    pub(crate) seconds: f64,
}

impl Demand {
    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            tokens: self.tokens + other.tokens,
            seconds: self.seconds + other.seconds,
        }
    }
}

/// Whether a budget bounds tokens or minutes, which take longer to count than inputs.
pub(crate) fn needs_tokens(budget: &Budget) -> bool {
    budget.max_tokens.is_some() || budget.max_minutes.is_some()
}

/// The budget of a run: what the request says, and the project's where it says nothing.
pub(crate) fn settled(project: &Budget, request: &RunRequest) -> Budget {
    if request.ignore_budget {
        return Budget::default();
    }
    Budget {
        max_rows: request.budget.max_rows.or(project.max_rows),
        max_tokens: request.budget.max_tokens.or(project.max_tokens),
        max_minutes: request.budget.max_minutes.or(project.max_minutes),
    }
}

/// The budget of a model of its own, unless the request says that it doesn't matter.
pub(crate) fn of_model(model: &ModelNode, request: &RunRequest) -> Budget {
    if request.ignore_budget {
        return Budget::default();
    }
    model.config.budget
}

/// Compares what would be asked with a budget.
///
/// # Errors
/// [`RunError::OverBudget`] for the first bound that is passed.
pub(crate) fn check(of: &str, demand: &Demand, budget: &Budget) -> Result<(), RunError> {
    let over = |wanted: String, over: String, limit: String| RunError::OverBudget {
        of: of.to_owned(),
        wanted,
        over,
        limit,
    };
    if let Some(most) = budget.max_rows
        && demand.rows > most
    {
        return Err(over(
            format!("{} inputs", grouped(demand.rows)),
            grouped(demand.rows - most),
            format!("{} (max_rows)", grouped(most)),
        ));
    }
    if let Some(most) = budget.max_tokens
        && demand.tokens > most
    {
        return Err(over(
            format!("about {} tokens", grouped(demand.tokens)),
            grouped(demand.tokens - most),
            format!("{} (max_tokens)", grouped(most)),
        ));
    }
    let minutes = demand.seconds / 60.0;
    if let Some(most) = budget.max_minutes
        && minutes > most
    {
        return Err(over(
            format!("about {} of work", time(minutes)),
            time(minutes - most),
            format!("{most} (max_minutes)"),
        ));
    }
    Ok(())
}

/// Minutes, and less than one in seconds.
fn time(minutes: f64) -> String {
    if minutes < 1.0 {
        format!("{} seconds", decimal(minutes * 60.0))
    } else {
        format!("{} minutes", decimal(minutes))
    }
}

/// What a run has asked so far, against its budget.
#[derive(Debug, Default)]
pub(crate) struct Spending {
    budget: Budget,
    spent: Mutex<Demand>,
}

impl Spending {
    /// Nothing is spent yet.
    pub(crate) fn new(budget: Budget) -> Self {
        Self {
            budget,
            spent: Mutex::default(),
        }
    }

    /// Whether anything is bounded.
    pub(crate) fn is_bounded(&self) -> bool {
        !self.budget.is_unlimited()
    }

    /// Whether tokens or minutes are bounded, which take longer to count than inputs.
    pub(crate) fn needs_tokens(&self) -> bool {
        needs_tokens(&self.budget)
    }

    /// Takes what a stage will ask out of the budget.
    ///
    /// # Errors
    /// [`RunError::OverBudget`] where that is more than is left; nothing is taken then.
    pub(crate) fn take(&self, demand: Demand) -> Result<(), RunError> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let all = spent.plus(demand);
        check("the run", &all, &self.budget)?;
        *spent = all;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Command;

    #[test]
    fn a_budget_says_by_how_much_it_is_passed() {
        let budget = Budget {
            max_rows: Some(1000),
            ..Budget::default()
        };
        let demand = Demand {
            rows: 1200,
            ..Demand::default()
        };
        let error = check("the run", &demand, &budget).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the run would send 1,200 inputs to models, 200 over the budget of 1,000 (max_rows)"
        );
        assert!(
            check("the run", &Demand { rows: 1000, ..demand }, &budget).is_ok(),
            "as many as are allowed"
        );
    }

    #[test]
    fn minutes_are_counted_by_measured_speed() {
        let budget = Budget {
            max_minutes: Some(1.0),
            ..Budget::default()
        };
        let demand = Demand {
            seconds: 90.0,
            ..Demand::default()
        };
        let error = check("labelled", &demand, &budget).unwrap_err();
        assert_eq!(
            error.to_string(),
            "labelled would send about 1.5 minutes of work to models, 30 seconds over the budget of 1 (max_minutes)"
        );
    }

    #[test]
    fn stages_share_the_budget_of_a_run() {
        let spending = Spending::new(Budget {
            max_rows: Some(10),
            ..Budget::default()
        });
        let six = Demand {
            rows: 6,
            ..Demand::default()
        };
        assert!(spending.take(six).is_ok());
        assert!(spending.take(six).is_err());
        assert!(
            spending.take(Demand { rows: 4, ..six }).is_ok(),
            "what was refused was not taken"
        );
    }

    #[test]
    fn bounds_of_the_request_replace_those_of_the_project() {
        let project = Budget {
            max_rows: Some(10),
            max_tokens: Some(5),
            max_minutes: None,
        };
        let mut request = RunRequest::new(Command::Build, Vec::new());
        request.budget.max_rows = Some(30);
        let expected = Budget {
            max_rows: Some(30),
            ..project
        };
        assert_eq!(settled(&project, &request), expected);
        request.ignore_budget = true;
        assert!(settled(&project, &request).is_unlimited());
    }
}
