//! `jubao admin …`: what is done to a store as a whole — checking, keeping and bringing back, migrating,
//! moving. No command here opens a secret: none needs the master key.

mod check;
mod keep;
mod layout;
mod migrate;
mod place;
mod relocate;

use clap::Subcommand;

pub use self::check::CheckArguments;
pub use self::keep::{BackupArguments, RestoreArguments};
pub use self::migrate::MigrateArguments;
pub use self::place::DatabaseArguments;
pub use self::relocate::MoveArguments;

use crate::cli::Failure;

/// `jubao admin …`
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Check the invariants over a whole database, live or copied; findings one a line.
    #[command(after_help = check::HELP)]
    Check(CheckArguments),
    /// Copy an embedded store while it is at work: whole, checked, synchronised; without its key.
    #[command(after_help = keep::HELP)]
    Backup(BackupArguments),
    /// Make a copy the store again.
    #[command(after_help = keep::HELP)]
    Restore(RestoreArguments),
    /// Bring the schema up to date, or say what that would do.
    #[command(after_help = migrate::HELP)]
    Migrate(MigrateArguments),
    /// Move an embedded store to PostgreSQL.
    #[command(after_help = relocate::HELP)]
    Move(MoveArguments),
}

/// Runs a command.
pub async fn run(command: AdminCommand) -> Result<(), Failure> {
    match command {
        AdminCommand::Check(arguments) => check::run(arguments).await,
        AdminCommand::Backup(arguments) => keep::back_up(arguments).await,
        AdminCommand::Restore(arguments) => keep::restore(arguments).await,
        AdminCommand::Migrate(arguments) => migrate::run(arguments).await,
        AdminCommand::Move(arguments) => relocate::run(arguments).await,
    }
}
