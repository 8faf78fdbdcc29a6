//! Where the store is: the one line of an operator's configuration that names the engine.

use std::fmt;
use std::path::PathBuf;

use kernel::secret::Secret;

/// How a file is named.
const SQLITE: &str = "sqlite:";
/// How a server is named.
const POSTGRES: [&str; 2] = ["postgres://", "postgresql://"];
/// What may stand in a configuration.
const FORMS: &str = "sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE";

/// Where the store is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Database {
    /// SQLite's file. It and its folder are created if they do not exist.
    Sqlite(PathBuf),
    /// A database on a PostgreSQL server, which exists.
    Postgres(PostgresUrl),
}

/// Where a PostgreSQL server is, with the password: nothing of it is ever shown but [`fmt::Display`]'s.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PostgresUrl(Secret);

impl PostgresUrl {
    /// The whole address.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl Database {
    /// Reads `sqlite:PATH` or `postgres://…`.
    ///
    /// # Errors
    /// A sentence that says what may be written; it does not repeat what was.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix(SQLITE).filter(|path| !path.is_empty()) {
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if POSTGRES.iter().any(|scheme| text.starts_with(scheme)) {
            crate::db::postgres::check_url(text)?;
            return Ok(Self::Postgres(PostgresUrl(Secret::new(text))));
        }
        Err(FORMS.into())
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }
}

impl fmt::Display for Database {
    /// As an operator knows it, without user and password.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(out, "{SQLITE}{}", path.display()),
            Self::Postgres(url) => {
                let text = url.expose();
                let rest = text.split_once("://").map_or("", |(_, rest)| rest);
                let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
                let place = place.split_once('?').map_or(place, |(place, _)| place);
                write!(out, "{}{place}", POSTGRES[0])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_names_the_engine() {
        assert_eq!(Database::parse("sqlite:a/b.db"), Ok(Database::Sqlite("a/b.db".into())));
        let server = "postgres://jubao:hidden@db.example:5433/pay?connect_timeout=3";
        let named = Database::parse(server).unwrap();
        assert_eq!(named.to_string(), "postgres://db.example:5433/pay");
        assert!(!format!("{named:?}").contains("hidden"), "{named:?}");
        for wrong in
            ["", "sqlite:", "mysql://a/b", "/var/lib/jubao.db", "postgres://u:%zz@h/d?odd=1"]
        {
            let why = Database::parse(wrong).unwrap_err();
            assert!(!why.is_empty() && !why.contains("%zz"), "{wrong}: {why}");
        }
    }
}
