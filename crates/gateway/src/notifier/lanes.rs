//! How many deliveries each lane and each application may have under way.
//!
//! A window opens with quick answers and closes with slow and missing ones, as TCP's does with
//! acknowledgements: a live server is soon told at full speed, a dead one holds a place or two. It is
//! kept in memory only, and forgets nothing but speed when the process ends.

use std::collections::HashMap;

use kernel::id::AppId;
use store::notices::Lane;

/// Deliveries under way at most.
pub(super) const IN_FLIGHT_MAX: usize = 512;
/// Windows of lanes and of applications that are remembered before idle ones are forgotten.
const WINDOWS_MAX: usize = 20_000;

/// Where a lane's window begins, and how far it closes and opens.
const OF_LANE: Bounds = Bounds { least: 1, first: 8, most: 128 };
/// The same for an application, which may have any number of lanes.
const OF_APP: Bounds = Bounds { least: 4, first: 16, most: 256 };

/// How a server did in one delivery.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It answered in good time.
    Answered,
    /// It answered, late.
    Slow,
    /// It did not answer.
    Failed,
    /// It was not asked, or we could not commit what it said.
    Unknown,
}

/// The sizes that a window may have.
#[derive(Copy, Clone, Debug)]
struct Bounds {
    least: usize,
    first: usize,
    most: usize,
}

/// A number of deliveries that may be under way, and how many are.
#[derive(Copy, Clone, Debug)]
struct Window {
    bounds: Bounds,
    size: usize,
    in_flight: usize,
}

impl Window {
    fn new(bounds: Bounds) -> Self {
        Self { bounds, size: bounds.first, in_flight: 0 }
    }

    fn room(&self) -> usize {
        self.size.saturating_sub(self.in_flight)
    }

    fn end(&mut self, verdict: Verdict) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let Bounds { least, first, most } = self.bounds;
        self.size = match verdict {
            Verdict::Answered => (self.size * 2).clamp(first, most),
            Verdict::Slow => (self.size / 2).max(least).min(first),
            Verdict::Failed => (self.size / 2).max(least),
            Verdict::Unknown => self.size,
        };
    }
}

/// The windows of all lanes with deliveries, or that did something to remember.
#[derive(Debug, Default)]
pub(super) struct Windows {
    lanes: HashMap<Lane, Window>,
    apps: HashMap<AppId, Window>,
    in_flight: usize,
}

impl Windows {
    /// Whether no delivery more may begin, whoever's it is.
    pub(super) fn is_full(&self) -> bool {
        self.in_flight >= IN_FLIGHT_MAX
    }

    /// Takes room for up to `wanted` deliveries of a lane, and says for how many there is.
    pub(super) fn begin(&mut self, lane: &Lane, wanted: usize) -> usize {
        if self.lanes.len() + self.apps.len() > WINDOWS_MAX {
            self.lanes.retain(|_, window| window.in_flight > 0);
            self.apps.retain(|_, window| window.in_flight > 0);
        }
        let of_app = self.apps.entry(lane.app_id).or_insert_with(|| Window::new(OF_APP));
        let of_lane = match self.lanes.get_mut(lane) {
            Some(window) => window,
            None => self.lanes.entry(lane.clone()).or_insert_with(|| Window::new(OF_LANE)),
        };
        let in_all = IN_FLIGHT_MAX.saturating_sub(self.in_flight);
        let taken = wanted.min(of_lane.room()).min(of_app.room()).min(in_all);
        of_lane.in_flight += taken;
        of_app.in_flight += taken;
        self.in_flight += taken;
        taken
    }

    /// Gives back a delivery's place.
    pub(super) fn end(&mut self, lane: &Lane, verdict: Verdict) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(window) = self.lanes.get_mut(lane) {
            window.end(verdict);
        }
        if let Some(window) = self.apps.get_mut(&lane.app_id) {
            window.end(verdict);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(app: i64, target: usize) -> Lane {
        Lane { app_id: AppId(app), target: format!("http://s{target}") }
    }

    /// Takes all room that a lane has.
    fn fill(windows: &mut Windows, lane: &Lane) -> usize {
        windows.begin(lane, usize::MAX)
    }

    #[test]
    fn a_live_server_is_soon_told_at_full_speed() {
        let (mut windows, lane) = (Windows::default(), lane(1, 1));
        let mut told = 0;
        for _ in 0..20 {
            let taken = fill(&mut windows, &lane);
            (0..taken).for_each(|_| windows.end(&lane, Verdict::Answered));
            told += taken;
        }
        assert_eq!(fill(&mut windows, &lane), OF_LANE.most);
        assert!(told > 16 * OF_LANE.most, "{told}");
    }

    #[test]
    fn a_dead_server_keeps_one_place_and_one_answer_opens_its_lane() {
        let (mut windows, lane) = (Windows::default(), lane(1, 1));
        for _ in 0..OF_LANE.most {
            let taken = fill(&mut windows, &lane);
            (0..taken).for_each(|_| windows.end(&lane, Verdict::Failed));
        }
        assert_eq!(fill(&mut windows, &lane), OF_LANE.least);
        windows.end(&lane, Verdict::Answered);
        assert_eq!(fill(&mut windows, &lane), OF_LANE.first);
    }

    #[test]
    fn slow_servers_and_many_dead_ones_of_one_application_leave_room_for_others() {
        let mut windows = Windows::default();
        for target in 0..10_000 {
            fill(&mut windows, &lane(1, target));
        }
        assert_eq!(windows.in_flight, OF_APP.first);
        let slow = lane(2, 1);
        for _ in 0..100 {
            let taken = fill(&mut windows, &slow);
            (0..taken).for_each(|_| windows.end(&slow, Verdict::Slow));
        }
        assert!(fill(&mut windows, &slow) <= OF_LANE.first);
        assert_eq!(fill(&mut windows, &lane(3, 1)), OF_LANE.first);
        assert!(!windows.is_full());
    }

    #[test]
    fn no_place_is_lost_and_idle_windows_are_forgotten() {
        let mut windows = Windows::default();
        for app in 0..100_000 {
            let lane = lane(app, 1);
            assert_eq!(windows.begin(&lane, 3), 3);
            for verdict in [Verdict::Failed, Verdict::Unknown, Verdict::Answered] {
                windows.end(&lane, verdict);
            }
        }
        assert_eq!(windows.in_flight, 0);
        assert!(windows.lanes.len() + windows.apps.len() <= WINDOWS_MAX + 2);
    }
}
