//! One recorded request, judged as the server would: the same reading, the same checks in the same
//! order, the accounts that there are; and what would make it pass.

use gateway::{Caller, Gateway};
use kernel::address::{self, Operation};
use kernel::call::Call;
use kernel::code;
use kernel::dialect::jubao::{self, Context, Opened, RawCall};
use kernel::fault::{Fault, Language};
use kernel::old_platform::OldAnswer;
use kernel::sign_doctor::{Finding as Signed, explain};
use serde_json::{Value, json};

use crate::check::recorded::Recorded;
use crate::check::trials;
use crate::signing;

/// Something that is not as it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Finding {
    /// The code that it would get here; 0 if it would pass.
    pub(crate) code: i64,
    /// What it is, in words that all requests with it have in common.
    pub(crate) what: String,
    /// What would do.
    pub(crate) cure: String,
}

/// What would become of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Verdict {
    /// Its line.
    pub(crate) line: u64,
    /// What it would be answered; 200 if it passes every check that can be made without an effect.
    code: i64,
    /// What the platform before answered.
    recorded: Option<i64>,
    operation: Option<Operation>,
    caller: String,
    /// What is not as it was.
    pub(crate) findings: Vec<Finding>,
}

impl Verdict {
    /// Whether anything would be otherwise.
    pub(crate) fn differs(&self) -> bool {
        !self.findings.is_empty()
    }

    fn operation(&self) -> String {
        self.operation.map_or_else(|| "unknown".into(), |operation| format!("{operation:?}"))
    }

    /// A row of the table.
    pub(crate) fn row(&self) -> String {
        let recorded = self.recorded.map_or_else(|| "-".into(), |code| code.to_string());
        let what: Vec<_> = self.findings.iter().map(|finding| finding.what.as_str()).collect();
        let Self { line, code, caller, .. } = self;
        let (operation, what) = (self.operation(), what.join("; "));
        format!("{line:>6}  {operation:<12}  {caller:<14}  {code:>6}  {recorded:>6}  {what}")
    }

    /// The same as JSON.
    pub(crate) fn json(&self) -> Value {
        let finding = |one: &Finding| json!({ "what": one.what, "cure": one.cure });
        json!({
            "line": self.line, "operation": self.operation(), "caller": self.caller,
            "code": self.code, "recorded": self.recorded, "differs": self.differs(),
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
        })
    }
}

/// Judges a request.
pub(crate) async fn judge(gateway: &Gateway, record: &Recorded) -> Verdict {
    let answer = record.answer.as_deref().and_then(OldAnswer::parse);
    let mut verdict = Verdict {
        line: record.line,
        code: code::SUCCESS,
        recorded: answer.as_ref().map(|answer| answer.code),
        operation: address::resolve(&record.path, &record.query),
        caller: String::new(),
        findings: Vec::new(),
    };
    let judged = examine(gateway, record, &mut verdict, answer.as_ref()).await;
    match judged {
        Ok(()) => verdict.findings.extend(more_lenient(verdict.recorded)),
        Err((fault, cure)) => {
            verdict.code = fault.code();
            if verdict.recorded != Some(fault.code()) {
                let what = fault.message(Language::En);
                verdict.findings.push(Finding { code: fault.code(), what, cure });
            }
        }
    }
    verdict
}

/// Every check of contract section 8 that needs no record of an order.
async fn examine(
    gateway: &Gateway,
    record: &Recorded,
    verdict: &mut Verdict,
    answer: Option<&OldAnswer>,
) -> Result<(), (Fault, String)> {
    let bare = |fault: Fault| {
        let cure = cure_of(&fault);
        (fault, cure)
    };
    let operation = verdict.operation.ok_or_else(|| bare(Fault::UnknownAddress))?;
    if record.method != "POST" {
        return Err(bare(Fault::WrongMethod));
    }
    let raw = RawCall {
        operation,
        content_type: record.content_type.as_deref(),
        query: &record.query,
        body: &record.body,
    };
    if !operation.is_signed() {
        let now = record.at.unwrap_or_else(|| gateway.now());
        return jubao::open_unsigned(&raw, now).map(|_| ()).map_err(bare);
    }
    let opened = jubao::open(&raw).map_err(bare)?;
    let caller = gateway.caller(opened.caller()).await.map_err(bare)?;
    verdict.caller = caller.app.app_id.to_string();
    let now = record.at.unwrap_or_else(|| gateway.now());
    let context = Context { now, allow: &gateway.settings().private_targets, from: None };
    verdict.findings.extend(key_differs(answer, &caller));
    // Where a record came from is not known.
    let mut app = caller.app.clone();
    app.settings.allowed_ips.clear();
    let admitted = jubao::admit(&opened, &app, &context)
        .map_err(|fault| with_cure((fault, &opened), &caller, &context, record))?;
    verdict.findings.extend(key_ends(gateway, (&opened, &caller), &context));
    match &admitted.call {
        Call::Place(call) => gateway.would_place(&caller, call).await.map_err(bare),
        _ => Ok(()),
    }
}

/// The fault with what would make the request pass: a setting, if one does.
fn with_cure(
    (fault, opened): (Fault, &Opened<'_>),
    caller: &Caller,
    context: &Context<'_>,
    record: &Recorded,
) -> (Fault, String) {
    if fault == Fault::WrongSignature {
        return (fault, doctor(record, caller));
    }
    let cure = trials::cure(opened, &caller.app, context).unwrap_or_else(|| cure_of(&fault));
    (fault, cure)
}

/// Which mistake explains a wrong signature.
fn doctor(record: &Recorded, caller: &Caller) -> String {
    let members = signing::read(&record.body).unwrap_or_default();
    match explain(&members, &caller.app.key).finding {
        Some(Signed::Mistake(mistake)) => mistake.cure()[1].to_owned(),
        Some(Signed::Right(_)) => "the body was changed between the shop and the record".into(),
        None => {
            "import the key that the platform before has; else no common mistake explains it".into()
        }
    }
}

/// The cure that a fault has by itself.
fn cure_of(fault: &Fault) -> String {
    let cure = match fault {
        Fault::UnknownAddress => "no operation is at this address; see docs/reference",
        Fault::WrongMethod => "send it with POST",
        Fault::UnknownApplication => "import this merchant: jubao merchant import",
        Fault::ProductUnavailable => "add an account that serves the product: jubao account add",
        Fault::BadTime { .. } => {
            "say in `at` when the request was sent; else the shop's clock is wrong"
        }
        _ => "change what the shop sends, as the message says",
    };
    cure.to_owned()
}

/// Something that the platform before refused by its form, and that would pass here.
fn more_lenient(recorded: Option<i64>) -> Option<Finding> {
    let recorded = recorded.filter(|code| is_of_form(*code))?;
    Some(Finding {
        code: 0,
        what: format!("would pass here, was answered {recorded} there"),
        cure: "nothing to do, unless the shop relies on the refusal".into(),
    })
}

/// Codes that say that a request by itself is wrong, whatever is known of orders.
fn is_of_form(code: i64) -> bool {
    let faults = [404, 4001, 4002, 4003, 4004, 4007, 40100, 40109, 40110];
    faults.contains(&code) || (490_001..=492_001).contains(&code) || code == 492_003
}

/// The recorded answer is signed with another key than the one that was imported.
fn key_differs(answer: Option<&OldAnswer>, caller: &Caller) -> Option<Finding> {
    let is_signed = answer?.is_signed(&caller.app.key)?;
    (!is_signed).then(|| Finding {
        code: 0,
        what: "the recorded answer is not signed with the key that is known here".into(),
        cure:
            "import the key that the platform before has; answers are signed with the current one"
                .into(),
    })
}

/// The request is signed with a key whose time is over, or will be.
fn key_ends(
    gateway: &Gateway,
    (opened, caller): (&Opened<'_>, &Caller),
    context: &Context<'_>,
) -> Option<Finding> {
    let (_, until) =
        caller.app.previous_keys.first().filter(|(_, until)| *until <= gateway.now())?;
    let mut app = caller.app.clone();
    app.settings.allowed_ips.clear();
    app.previous_keys.clear();
    let is_gone = jubao::admit(opened, &app, context).err() == Some(Fault::WrongSignature);
    is_gone.then(|| Finding {
        code: Fault::WrongSignature.code(),
        what: "it is signed with the key before, whose time is over".into(),
        cure: format!(
            "the shop takes the new key, or import previous_key_until after {}",
            until.beijing()
        ),
    })
}
