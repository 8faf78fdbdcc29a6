//! Which setting would make a refused request pass: each is tried on the real checks, by itself and
//! then in pairs. A setting is only named if it does.

use kernel::application::{Application, Settings, Switch};
use kernel::dialect::jubao::{self, Context, Opened};
use kernel::egress_policy::Cidr;

/// A setting to try: how it is set at a command line, and what that does.
struct Trial {
    set: &'static str,
    change: fn(&mut Settings),
}

/// Every setting that refuses requests, as it refuses least.
const TRIALS: [Trial; 4] = [
    Trial { set: "strict_names=off", change: |settings| settings.strict_names = Switch::Off },
    Trial { set: "pinned_names=", change: |settings| settings.pinned_names.clear() },
    Trial { set: "replay_guard=off", change: |settings| settings.replay_guard = Switch::Off },
    Trial { set: "may_discount=on", change: |settings| settings.may_discount = true },
];

/// Every network.
const EVERYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// What would make the request pass; `None` if no setting does.
pub(crate) fn cure(
    opened: &Opened<'_>,
    app: &Application,
    context: &Context<'_>,
) -> Option<String> {
    let passes = |changes: &[&Trial], context: &Context<'_>| {
        let mut app = app.clone();
        // Where a record came from is not known.
        app.settings.allowed_ips.clear();
        changes.iter().for_each(|trial| (trial.change)(&mut app.settings));
        jubao::admit(opened, &app, context).is_ok()
    };
    let set = |text: String| format!("jubao merchant set {} {text}", app.app_id);
    if let Some(trial) = TRIALS.iter().find(|trial| passes(&[trial], context)) {
        return Some(set(trial.set.to_owned()));
    }
    let pairs = TRIALS.iter().enumerate();
    let pairs = pairs.flat_map(|(at, one)| TRIALS[at + 1..].iter().map(move |other| [one, other]));
    if let Some([one, other]) = pairs.into_iter().find(|pair| passes(pair, context)) {
        return Some(set(format!("{} {}", one.set, other.set)));
    }
    let everywhere: Vec<Cidr> = EVERYWHERE.into_iter().filter_map(|net| net.parse().ok()).collect();
    let open = Context { allow: &everywhere, ..*context };
    passes(&[], &open).then(|| {
        "private_targets in the configuration: the network of notify_url, if it is your own".into()
    })
}
