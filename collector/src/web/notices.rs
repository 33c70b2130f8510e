//! A customer's notices and contact: for the customer, and for staff.

use super::cookie::same;
use super::visitor::{Named, Staff, Visitor};
use super::{money, page};
use crate::api::{AppState, Problem};
use crate::audit;
use crate::auth::Role;
use crate::billing::customers::{self, Customer};
use crate::db::Connection;
use crate::limits::PANEL_ENTRIES_MAX;
use crate::notices::contact::{self, Change};
use crate::notices::list::{self, DeliveryView, NoticeView};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use hostmeter_core::ids::CustomerId;
use hostmeter_panel::notices_page;
use hostmeter_panel::text::Language;
use hostmeter_panel::view::{
    ContactView, DeliveryRow, DeliveryState, Frame, Notice, NoticeRow, NoticesView, Tone,
};
use serde::Deserialize;

/// Whose notices, and who looks.
struct Asked {
    visitor: Visitor,
    /// For staff: which customer.
    id: Option<String>,
}

impl Asked {
    fn customer(&self, conn: &Connection) -> Result<Customer, Problem> {
        let missing = |id: &str| Problem::not_found("customer", id);
        match &self.id {
            Some(id) => {
                let known = CustomerId::parse(id).map_err(|_| missing(id))?;
                customers::find(conn, &known)?.ok_or_else(|| missing(id))
            }
            None => Ok(customers::by_row(conn, self.visitor.caller.customer.ok_or_else(|| missing(""))?)?),
        }
    }

    fn path(&self, customer: &Customer) -> String {
        match self.id {
            Some(_) => format!("/admin/customers/{}/notices", customer.id),
            None => "/notices".to_owned(),
        }
    }

    fn view(&self, conn: &Connection, language: Language, frame: Frame) -> Result<NoticesView, Problem> {
        let customer = self.customer(conn)?;
        let mut found =
            list::notices(conn, &customer, language, i64::MAX, PANEL_ENTRIES_MAX.saturating_add(1))?;
        let has_more = found.len() > PANEL_ENTRIES_MAX;
        found.truncate(PANEL_ENTRIES_MAX);
        let contact = contact::contact(conn, customer.row)?;
        Ok(NoticesView {
            frame,
            path: self.path(&customer),
            can_change: self.visitor.caller.role != Role::Auditor,
            can_resend: self.visitor.caller.role == Role::Admin,
            contact: ContactView {
                language: contact.language.unwrap_or_default(),
                email: contact.email.unwrap_or_default(),
                telegram: contact.telegram.unwrap_or_default(),
                zone: contact.zone.unwrap_or_default(),
            },
            notices: found.into_iter().map(notice).collect::<Result<_, _>>()?,
            has_more,
            name: if customer.title.is_empty() { customer.id.to_string() } else { customer.title },
            customer: customer.id.to_string(),
        })
    }
}

fn notice(n: NoticeView) -> Result<NoticeRow, Problem> {
    let deliveries = n.deliveries.into_iter().map(delivery).collect::<Result<_, _>>()?;
    let at_ms = money::time("notice", &n.at)?;
    Ok(NoticeRow { id: n.id, at_ms, kind: n.kind, subject: n.subject, text: n.text, deliveries })
}

fn delivery(d: DeliveryView) -> Result<DeliveryRow, Problem> {
    let at = d.settled.or(d.next);
    let state = match d.state.as_str() {
        "accepted" => DeliveryState::Accepted,
        "failed" => DeliveryState::Failed,
        _ => DeliveryState::Pending,
    };
    // What a receiver said when all went well is of no interest.
    let detail = if state == DeliveryState::Accepted { String::new() } else { d.detail };
    let at_ms = at.map(|at| money::time("delivery", &at)).transpose()?;
    Ok(DeliveryRow { channel: d.channel, state, at_ms, detail })
}

/// The customer's own notices; staff is sent to its list of customers.
pub(super) async fn own(State(app): State<AppState>, visitor: Visitor) -> Response {
    if visitor.is_staff() {
        return page::see_other("/admin/customers");
    }
    show(&app, Asked { visitor, id: None }, Vec::new()).await
}

/// A customer's notices, for staff.
pub(super) async fn of_customer(
    State(app): State<AppState>,
    Staff(visitor): Staff,
    Named(id): Named,
) -> Response {
    show(&app, Asked { visitor, id: Some(id) }, Vec::new()).await
}

async fn show(app: &AppState, asked: Asked, told: Vec<Notice>) -> Response {
    let mut frame = asked.visitor.frame(app.now_ms());
    frame.notices.extend(told);
    let (own, language) = (frame.clone(), app.config.notices.language);
    let found = app.db.read(move |conn| asked.view(conn, language, own)).await;
    page::answer(frame, found, notices_page).await
}

/// The form of the contact.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ContactForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    language: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    telegram: String,
    #[serde(default)]
    zone: String,
}

type Sent<T> = Result<Form<T>, FormRejection>;

/// The customer's own contact.
pub(super) async fn set_own(
    State(app): State<AppState>,
    visitor: Visitor,
    sent: Sent<ContactForm>,
) -> Response {
    set(app, Asked { visitor, id: None }, sent).await
}

/// A customer's contact, by staff.
pub(super) async fn set_of(
    State(app): State<AppState>,
    Staff(visitor): Staff,
    Named(id): Named,
    sent: Sent<ContactForm>,
) -> Response {
    set(app, Asked { visitor, id: Some(id) }, sent).await
}

/// The token of the session, else the page that says so.
fn refused(app: &AppState, visitor: &Visitor, csrf: &str, may: bool) -> Option<Response> {
    let frame = visitor.frame(app.now_ms());
    if !same(&visitor.csrf, csrf) {
        let what = "The form does not belong to this session; nothing was changed.";
        return Some(page::error(Some(frame), StatusCode::FORBIDDEN, what));
    }
    let what = "You may look at this, but not change it.";
    (!may).then(|| page::error(Some(frame), StatusCode::FORBIDDEN, what))
}

async fn set(app: AppState, asked: Asked, sent: Sent<ContactForm>) -> Response {
    let form = match sent {
        Ok(Form(form)) => form,
        Err(e) => return page::error(None, e.status(), "The form could not be read."),
    };
    let may = asked.visitor.caller.role != Role::Auditor;
    if let Some(refused) = refused(&app, &asked.visitor, &form.csrf, may) {
        return refused;
    }
    let text = |text: String| Some(Some(text.trim().to_owned()).filter(|t| !t.is_empty()));
    let change = Change {
        language: text(form.language),
        email: text(form.email),
        telegram: text(form.telegram),
        zone: text(form.zone),
    };
    let now_ms = app.now_ms();
    let who = Asked { visitor: asked.visitor.clone(), id: asked.id.clone() };
    let set = app
        .db
        .write(move |tx| -> Result<String, Problem> {
            let customer = who.customer(tx)?;
            let contact = contact::change(tx, &customer, &change, now_ms)?;
            let detail = serde_json::to_string(&contact).unwrap_or_default();
            audit::write(
                tx,
                &who.visitor.caller.login,
                "customer.contact",
                customer.id.as_str(),
                &detail,
                now_ms,
            )?;
            Ok(who.path(&customer))
        })
        .await;
    match set {
        Ok(path) => page::see_other(&path),
        // What cannot be is told above the form.
        Err(e) if e.status == StatusCode::UNPROCESSABLE_ENTITY => {
            show(&app, asked, vec![Notice { tone: Tone::Bad, text: e.detail }]).await
        }
        Err(e) => page::problem(Some(asked.visitor.frame(now_ms)), &e),
    }
}

/// A form with nothing but the session's token.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Signed {
    #[serde(default)]
    csrf: String,
}

/// Has a notice sent again, by an admin.
pub(super) async fn resend(
    State(app): State<AppState>,
    Staff(visitor): Staff,
    Path((id, notice)): Path<(String, i64)>,
    sent: Sent<Signed>,
) -> Response {
    let csrf = sent.map(|Form(f)| f.csrf).unwrap_or_default();
    if let Some(refused) = refused(&app, &visitor, &csrf, visitor.caller.role == Role::Admin) {
        return refused;
    }
    let (now_ms, frame) = (app.now_ms(), visitor.frame(app.now_ms()));
    let asked = Asked { visitor, id: Some(id) };
    let done = app
        .db
        .write(move |tx| -> Result<String, Problem> {
            let customer = asked.customer(tx)?;
            if !list::belongs(tx, customer.row, notice)? {
                return Err(Problem::not_found("notice", &notice.to_string()));
            }
            contact::resend(tx, notice, now_ms)?;
            let detail = format!("notice {notice}");
            audit::write(
                tx,
                &asked.visitor.caller.login,
                "notice.resend",
                customer.id.as_str(),
                &detail,
                now_ms,
            )?;
            Ok(asked.path(&customer))
        })
        .await;
    match done {
        Ok(path) => page::see_other(&path),
        Err(e) => page::problem(Some(frame), &e),
    }
}
