//! The order's state as it changes, for pages that are open: asked for, or told as it happens.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use gateway::Gateway;
use kernel::id::Id;
use kernel::state::TradeState;
use tokio::sync::broadcast;

use crate::edge::{self, Client, Edge, PageTurn};
use crate::visit::Visit;

/// How often a page's events look into the store themselves: changes by other processes, unless they told.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Tells nginx not to hold events back until there are more.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// `GET /pay/TOKEN/state`: where the order stands, for pages without events.
pub async fn state(
    State(gateway): State<Gateway>,
    _turn: PageTurn,
    visit: Visit,
) -> Response<Body> {
    match gateway.page_state(&visit.token).await {
        Ok(Some((_, state))) => private_json(StatusCode::OK, &state_json(state)),
        Ok(None) => private_json(StatusCode::NOT_FOUND, "{}"),
        Err(_) => private_json(StatusCode::SERVICE_UNAVAILABLE, "{}"),
    }
}

/// `GET /pay/TOKEN/events`: the state now, and whenever it changes. A page that finds no place to
/// watch from asks for the state now and then.
pub async fn events(
    State(gateway): State<Gateway>,
    State(edge): State<Edge>,
    _turn: PageTurn,
    (client, visit): (Client, Visit),
) -> Response<Body> {
    let Some(place) = edge.stream(client) else {
        return private_json(StatusCode::SERVICE_UNAVAILABLE, "{}");
    };
    let changes = gateway.changes();
    match gateway.page_state(&visit.token).await {
        Ok(Some((id, state))) => {
            let (token, next) = (visit.token, Some(state));
            let feed = Feed { gateway, token, id, changes, place, told: None, next };
            let events = Sse::new(feed.into_stream()).keep_alive(KeepAlive::default());
            ([(X_ACCEL_BUFFERING, "no")], events).into_response()
        }
        Ok(None) => private_json(StatusCode::NOT_FOUND, "{}"),
        Err(_) => private_json(StatusCode::SERVICE_UNAVAILABLE, "{}"),
    }
}

/// The states of one order, each told once.
struct Feed {
    gateway: Gateway,
    token: String,
    id: Id,
    changes: broadcast::Receiver<(Id, Option<TradeState>)>,
    place: edge::Stream,
    told: Option<TradeState>,
    next: Option<TradeState>,
}

impl Feed {
    fn into_stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut feed| async move {
            let state = feed.next_state().await?;
            feed.told = Some(state);
            Some((Ok(Event::default().data(state_json(state))), feed))
        })
    }

    /// The next state that differs from what was told; `None` ends the stream.
    async fn next_state(&mut self) -> Option<TradeState> {
        loop {
            if let Some(state) = self.next.take()
                && self.told != Some(state)
            {
                return Some(state);
            }
            tokio::select! {
                change = self.changes.recv() => match change {
                    Ok((id, Some(state))) if id == self.id => self.next = Some(state),
                    Ok((id, None)) if id == self.id => self.look().await,
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(_)) => self.look().await,
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                () = self.place.closing() => return None,
                () = tokio::time::sleep(LOOK_EVERY) => self.look().await,
            }
        }
    }

    async fn look(&mut self) {
        if let Ok(Some((_, state))) = self.gateway.page_state(&self.token).await {
            self.next = Some(state);
        }
    }
}

fn private_json(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn state_json(state: TradeState) -> String {
    let (word, status, paid) = (state.word(), state.status(), state.is_paid());
    format!(r#"{{"state":"{word}","status":{status},"paid":{paid}}}"#)
}
