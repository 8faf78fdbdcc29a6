//! The process: arguments in, exit code out.
//!
//! Bad arguments and bad input end with exit code 2 and a sentence that says what would do; a
//! failure of ours or of the machine ends with 1, and so does the answer "no" to a question.

use std::process::ExitCode;

use clap::Parser;

use jubao::cli::{Cli, Command, Failure};
use jubao::{
    admin, bench, demo, listen, operate, operate_users, reference, serve, signing, trigger,
};

/// Of so many tasks a thread takes one from the queue that all threads share. Orders come back from the
/// store through it; by default, 1 of about 61, they would starve behind new requests, which are put
/// into the thread's own queue, and under load there is always one of those.
const GLOBAL_QUEUE_INTERVAL: u32 = 8;
/// After so many tasks a busy thread looks at the sockets again. By default, after 61, thirty milliseconds
/// of signing could pass before a request that must be refused was seen at all.
const EVENT_INTERVAL: u32 = 8;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no faults; everything else is a bad argument.
            let is_fault = error.use_stderr();
            // Printing can only fail when nobody reads it.
            let _ = error.print();
            return if is_fault { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Input(why)) => {
            eprintln!("jubao: {why}");
            ExitCode::from(2)
        }
        Err(Failure::Verdict) => ExitCode::FAILURE,
        Err(Failure::Machine(why)) => {
            eprintln!("jubao: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Sign(arguments) => signing::sign_command(&arguments),
        Command::Verify(arguments) => signing::verify_command(&arguments),
        Command::Listen(arguments) => wait_for(listen::run(arguments)),
        Command::Trigger(arguments) => wait_for(trigger::run(arguments)),
        Command::CheckConfig(arguments) => serve::check_config(&arguments),
        Command::Docs(arguments) => reference::write(&arguments),
        Command::Demo(arguments) => wait_for(demo::run(arguments)),
        Command::Serve(arguments) => wait_for(serve::run(arguments)),
        Command::Merchant(command) => wait_for(operate::merchant(command)),
        Command::Account(command) => wait_for(operate::account(command)),
        Command::User(command) => wait_for(operate_users::user(command)),
        Command::Order(command) => wait_for(operate::order(command)),
        Command::Notice(command) => wait_for(operate::notice(command)),
        Command::Admin(command) => wait_for(admin::run(command)),
        Command::Bench(arguments) => {
            bench::choose_processor(&arguments);
            wait_for(bench::run(arguments))
        }
        Command::BenchPeer => bench::peer::run(),
    }
}

fn wait_for(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .global_queue_interval(GLOBAL_QUEUE_INTERVAL)
        .event_interval(EVENT_INTERVAL)
        .enable_all()
        .build()
        .map_err(|error| Failure::Machine(format!("threads: {error}")))?;
    runtime.block_on(work)
}
