//! The password of a role: in the profile, in `PGPASSWORD`, or in the password file of libpq
//! (<https://www.postgresql.org/docs/current/libpq-pgpass.html>).

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use fs_err as fs;
use tracing::warn;

use crate::PostgresTarget;

/// The password of the target's role, where there is one.
pub(super) fn of(target: &PostgresTarget) -> Option<String> {
    let told = || std::env::var("PGPASSWORD").ok().filter(|password| !password.is_empty());
    target.password.clone().or_else(told).or_else(|| in_file(target))
}

fn in_file(target: &PostgresTarget) -> Option<String> {
    let named = std::env::var_os("PGPASSFILE").map(PathBuf::from);
    let path = named.or_else(|| Some(std::env::home_dir()?.join(".pgpass")))?;
    let mode = fs::metadata(&path).ok()?.permissions().mode();
    if mode & 0o077 != 0 {
        warn!(path = %path.display(), "the password file can be read by others, and isn't used; `chmod 600` it");
        return None;
    }
    matching(&fs::read_to_string(&path).ok()?, target)
}

/// The password of the first line whose host, port, database and role are the target's or `*`.
fn matching(text: &str, target: &PostgresTarget) -> Option<String> {
    // A socket's folder is called localhost there.
    let host = if target.host.starts_with('/') {
        "localhost"
    } else {
        &target.host
    };
    let port = target.port.to_string();
    let wanted = [host, &port, &target.database, &target.user];
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(fields)
        .find(|fields| {
            let heads = fields.iter().zip(wanted);
            fields.len() == 5 && heads.clone().all(|(field, wanted)| field == "*" || field == wanted)
        })
        .and_then(|fields| fields.into_iter().nth(4))
}

/// The fields of a line: colons between, and a backslash before a colon or a backslash that belongs to one.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let last = fields.len() - 1;
        match character {
            ':' if last < 4 => fields.push(String::new()),
            '\\' => fields[last].extend(characters.next()),
            other => fields[last].push(other),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits_gives_the_password() {
        let file = "# people\ndb.example.com:5432:shop:ann:other\n*:*:shop:bob:s\\:e\\\\cret:x\n*:*:*:*:any\n";
        let target = |host, user| PostgresTarget::new("prod", host, user, "shop");
        assert_eq!(matching(file, &target("db.example.com", "ann")).unwrap(), "other");
        assert_eq!(
            matching(file, &target("/run/postgresql", "bob")).unwrap(),
            "s:e\\cret:x"
        );
        assert_eq!(matching(file, &target("elsewhere", "ann")).unwrap(), "any");
        assert_eq!(matching("short:line\n", &target("short", "ann")), None);
    }
}
