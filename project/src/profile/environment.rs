//! Environment variables in values: `{{ env_var('X') }}`, `{{ env_var('X', 'default') }}`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::{Error, ErrorKind, UndefinedBehavior};
use refuel_task::Place;

use crate::error::ProjectError;

/// Where environment variables are looked up.
#[derive(Debug, Clone, Default)]
pub enum Environment {
    /// In the process's own environment.
    #[default]
    Process,
    /// In these alone.
    Fixed(BTreeMap<String, String>),
}

impl Environment {
    /// The value of a variable. One that is not UTF-8 is as good as not set.
    pub fn get(&self, name: &str) -> Option<String> {
        match self {
            Self::Process => std::env::var(name).ok(),
            Self::Fixed(variables) => variables.get(name).cloned(),
        }
    }
}

/// Puts environment variables into a text that may hold `{{ env_var('X') }}` or `{{ env_var('X', 'default') }}`.
/// `place` is where the text is written.
///
/// # Errors
/// [`ProjectError::NotSet`] for a variable that is not set and has no default; [`ProjectError::Invalid`] for any other
/// expression.
pub fn render_environment(text: &str, env: &Environment, place: &Place) -> Result<String, ProjectError> {
    if !text.contains("{{") {
        return Ok(text.to_owned());
    }
    let missing: Arc<Mutex<Option<String>>> = Arc::default();
    let mut engine = minijinja::Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    let (variables, note) = (env.clone(), missing.clone());
    engine.add_function("env_var", move |name: String, default: Option<String>| {
        variables.get(&name).or(default).ok_or_else(|| {
            let message = format!("{name} is not set");
            *note.lock().unwrap_or_else(PoisonError::into_inner) = Some(name);
            Error::new(ErrorKind::InvalidOperation, message)
        })
    });
    engine.render_str(text, ()).map_err(
        |error| match missing.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(name) => ProjectError::NotSet {
                place: place.clone(),
                name,
            },
            None => ProjectError::Invalid {
                place: place.clone(),
                message: format!(
                    "the expression can't be used: {}",
                    error.detail().unwrap_or("it is no expression")
                ),
                hint: Some("write {{ env_var('NAME') }} or {{ env_var('NAME', 'default') }}".to_owned()),
            },
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str) -> Result<String, String> {
        let env = Environment::Fixed(BTreeMap::from([("HOST".to_owned(), "db.example".to_owned())]));
        let place = Place::of("profiles.yml");
        render_environment(text, &env, &place).map_err(|error| format!("{} {error}", error.code()))
    }

    #[test]
    fn variables_are_put_in() {
        assert_eq!(render("plain { text }").as_deref(), Ok("plain { text }"));
        assert_eq!(
            render("{{ env_var('HOST') }}:{{ env_var(\"PORT\", '5432') }}").as_deref(),
            Ok("db.example:5432")
        );
        assert_eq!(render("{{ env_var('PORT', 5432) }}").as_deref(), Ok("5432"));
        assert_eq!(render("a&b<{{ env_var('HOST') }}>").as_deref(), Ok("a&b<db.example>"));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(
            render("{{ env_var('PORT') }}").unwrap_err(),
            "RF1110 profiles.yml: the environment variable PORT is not set"
        );
        assert!(
            render("{{ var('x') }}")
                .unwrap_err()
                .contains("can't be used: var is unknown")
        );
        assert!(render("{{ ").unwrap_err().starts_with("RF1107 profiles.yml"));
    }
}
