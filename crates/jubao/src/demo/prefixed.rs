//! A simulator that is reached below a prefix of the path, under a name of its own: a second merchant
//! of a channel.

use channels::Stamp;
use channels::http::{HttpRequest, HttpResponse};
use channels::sim::{
    CallbackFaultKind, OutgoingCallback, PaidInSim, PayError, ScriptedFault, Served, Simulator,
};
use kernel::time::Timestamp;
use serde_json::Value;

/// The simulator and where it is.
pub struct Prefixed {
    name: &'static str,
    prefix: &'static str,
    sim: Box<dyn Simulator>,
}

impl Prefixed {
    /// Calls `sim` by `name`, and gives it what is asked below `prefix`, which begins with a slash
    /// and does not end with one.
    pub fn new(name: &'static str, prefix: &'static str, sim: Box<dyn Simulator>) -> Self {
        Self { name, prefix, sim }
    }
}

impl Simulator for Prefixed {
    fn name(&self) -> &'static str {
        self.name
    }

    fn owns(&self, path: &str) -> bool {
        path.strip_prefix(self.prefix).is_some_and(|rest| self.sim.owns(rest))
    }

    fn serve(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served {
        let url = request.url.replacen(self.prefix, "", 1);
        self.sim.serve(&HttpRequest { url, ..request.clone() }, stamp)
    }

    fn pay(
        &mut self,
        number: &str,
        fault: Option<CallbackFaultKind>,
        stamp: &Stamp,
    ) -> Result<PaidInSim, PayError> {
        self.sim.pay(number, fault, stamp)
    }

    fn script(&mut self, fault: ScriptedFault) {
        self.sim.script(fault);
    }

    fn faults_left(&self) -> u64 {
        self.sim.faults_left()
    }

    fn due_callbacks(&mut self, stamp: &Stamp) -> Vec<OutgoingCallback> {
        self.sim.due_callbacks(stamp)
    }

    fn callback_answered(&mut self, id: u64, answer: Option<&HttpResponse>, stamp: &Stamp) {
        self.sim.callback_answered(id, answer, stamp);
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.sim.next_due()
    }

    fn snapshot(&self) -> Value {
        self.sim.snapshot()
    }

    fn restore(&mut self, snapshot: Value) -> Result<(), String> {
        self.sim.restore(snapshot)
    }
}
