//! `jubao admin migrate --partition N [--distribute]`: how a server's database is laid out to grow.

use clap::Args;
use store::Database;
use store::layout::{Laid, Layout, lay_out};

use crate::cli::{Failure, print_line};

/// Partitions at most: each is a table with its indexes, which a statement may have to look at.
const PARTS_MAX: i64 = 256;

/// How the tables that grow are laid out.
#[derive(Debug, Args)]
pub struct LayoutArguments {
    /// Lay orders, ledger, notices and whatever else grows out in N parts by merchant (2 to 256). Stop the
    /// gateways first: each table is rewritten in a transaction of its own. What was interrupted goes on.
    #[arg(long, value_name = "N", conflicts_with_all = ["dry_run", "json"])]
    #[arg(value_parser = clap::value_parser!(u16).range(2..=PARTS_MAX))]
    pub partition: Option<u16>,
    /// Spread those parts over the nodes of a Citus cluster, and copy small tables to each.
    #[arg(long, requires = "partition")]
    pub distribute: bool,
}

impl LayoutArguments {
    /// Whether a layout is asked for.
    pub fn is_given(&self) -> bool {
        self.partition.is_some()
    }

    /// What is asked for; `None`: nothing.
    fn layout(&self) -> Option<Layout> {
        let count = self.partition?;
        Some(if self.distribute { Layout::Shards(count) } else { Layout::Partitions(count) })
    }

    /// Lays the database out, if that is asked for, and tells of each table.
    ///
    /// # Errors
    /// It is SQLite's, lacks Citus, or cannot be reached.
    pub async fn run(&self, database: &Database) -> Result<(), Failure> {
        let Some(layout) = self.layout() else { return Ok(()) };
        let laid = lay_out(database, layout, &mut |laid| print_line(line(&laid))).await;
        laid.map_err(|error| Failure::Machine(format!("{database}: {error}")))
    }
}

fn line(laid: &Laid) -> String {
    let Laid { table, rows, was_so } = laid;
    if *was_so { format!("{table}: is so already") } else { format!("{table}: {rows} rows") }
}
