//! What is scripted to go wrong with a simulator's operations.

use crate::sim::{OpFaultKind, OpKind, ScriptedFault};

/// The faults that are still to come, in the order in which they were scripted.
#[derive(Default)]
pub(crate) struct Script(Vec<ScriptedFault>);

impl Script {
    pub(crate) fn push(&mut self, fault: ScriptedFault) {
        self.0.push(fault);
    }

    /// How many operations are still to go wrong.
    pub(crate) fn left(&self) -> u64 {
        self.0.iter().map(|fault| u64::from(fault.times)).sum()
    }

    /// Nothing goes wrong any more.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// What goes wrong with the next operation of this kind; it is used up by it.
    pub(crate) fn take(&mut self, op: OpKind) -> Option<OpFaultKind> {
        let fault = self.0.iter_mut().find(|fault| fault.op == op && fault.times > 0)?;
        fault.times -= 1;
        let kind = fault.kind;
        self.0.retain(|fault| fault.times > 0);
        Some(kind)
    }
}
