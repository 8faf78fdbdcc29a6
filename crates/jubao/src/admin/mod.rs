//! `jubao admin …`: what is done to a store as a whole — checking, keeping and bringing back, migrating,
//! moving. No command here opens a secret: none needs the master key.

mod check;
mod place;

use clap::Subcommand;

pub use self::check::CheckArguments;
pub use self::place::DatabaseArguments;

use crate::cli::Failure;

/// `jubao admin …`
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Check the invariants over a whole database, live or copied; findings one a line.
    #[command(after_help = check::HELP)]
    Check(CheckArguments),
}

/// Runs a command.
pub async fn run(command: AdminCommand) -> Result<(), Failure> {
    match command {
        AdminCommand::Check(arguments) => check::run(arguments).await,
    }
}
