//! Plots as SVG. Numbers and words of ours alone are written into them: nothing needs to be escaped. How they look is in the
//! style sheet of the page, so that they follow its light and dark.

use std::fmt::Write as _;

use refuel_engine::evaluate::{Bin, CoveragePoint};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;
/// Lower ends of a scale up to 1 whose fifths are numbers that are easy to read.
const LEAST: [f64; 4] = [0.0, 0.5, 0.75, 0.9];
/// Height of the strip below that shows how many rows there are.
const STRIP: f64 = 46.0;
const GAP: f64 = 8.0;

/// The part of a plot that data is drawn in.
struct Frame {
    /// Lower end of the vertical scale; its upper end is 1.
    least: f64,
    bottom: f64,
}

impl Frame {
    fn x(share: f64) -> f64 {
        LEFT + share * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, share: f64) -> f64 {
        let place = ((share - self.least) / (1.0 - self.least)).clamp(0.0, 1.0);
        self.bottom - place * (self.bottom - TOP)
    }

    /// Lines and their numbers.
    fn grid(&self, svg: &mut String, labels_at: f64) {
        for tick in 0..=5u8 {
            let share = f64::from(tick) / 5.0;
            let x = Self::x(share);
            let _ = write!(
                svg,
                r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="{TOP}" y2="{:.1}"/><text class="tick middle" x="{x:.1}" y="{:.1}">{}</text>"#,
                self.bottom,
                labels_at + 14.0,
                percent(share),
            );
            let share = self.least + share * (1.0 - self.least);
            let y = self.y(share);
            let _ = write!(
                svg,
                r#"<line class="grid" x1="{LEFT}" x2="{:.1}" y1="{y:.1}" y2="{y:.1}"/><text class="tick end" x="{:.1}" y="{:.1}">{}</text>"#,
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0,
                percent(share),
            );
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.0}", share * 100.0)
}

fn open(height: f64, label: &str) -> String {
    format!(r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">"#)
}

/// Confidence against how often it was borne out, with the rows of each bin below. `before` is the confidence as the model
/// gave it, where that is another.
pub(super) fn reliability(bins: &[Bin], before: Option<&[Bin]>) -> String {
    let height = HEIGHT + STRIP;
    let frame = Frame {
        least: 0.0,
        bottom: HEIGHT - BOTTOM,
    };
    let foot = frame.bottom + GAP + STRIP;
    let mut svg = open(height, "Reliability: accuracy in percent against confidence in percent");
    frame.grid(&mut svg, foot);
    let _ = write!(
        svg,
        r#"<line class="ideal" x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}"/>"#,
        Frame::x(0.0),
        frame.y(0.0),
        Frame::x(1.0),
        frame.y(1.0),
    );
    if let Some(before) = before {
        series(&mut svg, &frame, before, "before");
    }
    series(&mut svg, &frame, bins, "after");
    let most = bins.iter().map(|bin| bin.rows).max().unwrap_or(0).max(1) as f64;
    for bin in bins.iter().filter(|bin| bin.rows > 0) {
        let (from, to) = (Frame::x(bin.from) + 1.0, Frame::x(bin.to) - 1.0);
        let tall = (bin.rows as f64 / most * STRIP).max(1.0);
        let _ = write!(
            svg,
            r#"<rect class="rows" x="{from:.1}" y="{:.1}" width="{:.1}" height="{tall:.1}"><title>{} rows with confidence {:.1} to {:.1}</title></rect>"#,
            foot - tall,
            to - from,
            bin.rows,
            bin.from,
            bin.to,
        );
    }
    axes(&mut svg, "confidence, %, with the rows of each tenth", "right, %", foot);
    svg.push_str("</svg>");
    svg
}

fn series(svg: &mut String, frame: &Frame, bins: &[Bin], class: &str) {
    let points: Vec<(f64, f64, &Bin)> = bins
        .iter()
        .filter_map(|bin| Some((Frame::x(bin.mean_confidence?), frame.y(bin.accuracy?), bin)))
        .collect();
    let line: Vec<String> = points.iter().map(|(x, y, _)| format!("{x:.1},{y:.1}")).collect();
    let _ = write!(svg, r#"<polyline class="line {class}" points="{}"/>"#, line.join(" "));
    for (x, y, bin) in points {
        if let Some(interval) = bin.accuracy_ci95 {
            let (low, high) = (frame.y(interval.0), frame.y(interval.1));
            let _ = write!(
                svg,
                r#"<line class="whisker {class}" x1="{x:.1}" x2="{x:.1}" y1="{low:.1}" y2="{high:.1}"/>"#
            );
        }
        let _ = write!(
            svg,
            r#"<circle class="dot {class}" cx="{x:.1}" cy="{y:.1}" r="4"><title>{} rows, mean confidence {:.2}, {:.1} % right</title></circle>"#,
            bin.rows,
            bin.mean_confidence.unwrap_or_default(),
            bin.accuracy.unwrap_or_default() * 100.0,
        );
    }
}

/// Accuracy of the surest answers against their share of all rows, beside that of the most frequent answer. A dot stands
/// where the task's threshold is.
pub(super) fn coverage(curve: &[CoveragePoint], majority: f64, threshold: Option<f64>) -> String {
    let lowest = curve.iter().map(|point| point.accuracy).fold(majority, f64::min);
    let frame = Frame {
        least: LEAST.into_iter().rfind(|least| *least <= lowest).unwrap_or(0.0),
        bottom: HEIGHT - BOTTOM,
    };
    let mut svg = open(
        HEIGHT,
        "Coverage: accuracy in percent against the share of rows in percent",
    );
    frame.grid(&mut svg, frame.bottom);
    let corner = |point: &CoveragePoint, y: f64| format!("{:.1},{:.1}", Frame::x(point.coverage), frame.y(y));
    let upper = curve.iter().map(|point| corner(point, point.accuracy_ci95.1));
    let lower = curve.iter().rev().map(|point| corner(point, point.accuracy_ci95.0));
    let band: Vec<String> = upper.chain(lower).collect();
    let line: Vec<String> = curve.iter().map(|point| corner(point, point.accuracy)).collect();
    let _ = write!(
        svg,
        r#"<polygon class="band" points="{}"/><polyline class="line after" points="{}"/>"#,
        band.join(" "),
        line.join(" ")
    );
    let null = frame.y(majority);
    let _ = write!(
        svg,
        r#"<line class="null" x1="{LEFT}" x2="{:.1}" y1="{null:.1}" y2="{null:.1}"/><text class="note" x="{:.1}" y="{:.1}">always the most frequent answer</text>"#,
        WIDTH - RIGHT,
        LEFT + 6.0,
        null - 5.0,
    );
    let accepted =
        threshold.and_then(|threshold| curve.iter().rfind(|point| point.confidence as f32 >= threshold as f32));
    // A point is drawn at the end, where there is no threshold: all rows are answered.
    if let Some(point) = accepted.or(if threshold.is_none() { curve.last() } else { None }) {
        let _ = write!(
            svg,
            r#"<circle class="dot after" cx="{:.1}" cy="{:.1}" r="5"><title>{} rows with confidence {:.3} or more, {:.1} % right</title></circle>"#,
            Frame::x(point.coverage),
            frame.y(point.accuracy),
            point.rows,
            point.confidence,
            point.accuracy * 100.0,
        );
    }
    axes(
        &mut svg,
        "answered, % of all rows, the surest first",
        "right of these, %",
        frame.bottom,
    );
    svg.push_str("</svg>");
    svg
}

fn axes(svg: &mut String, below: &str, beside: &str, foot: f64) {
    let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
    let _ = write!(
        svg,
        r#"<text class="axis middle" x="{middle:.1}" y="{:.1}">{below}</text><text class="axis middle" transform="rotate(-90)" x="{:.1}" y="12">{beside}</text>"#,
        foot + 32.0,
        -f64::midpoint(TOP, HEIGHT - BOTTOM),
    );
}

#[cfg(test)]
mod tests {
    use refuel_engine::evaluate::{Reliability, coverage_curve};

    use super::*;

    fn scored() -> Vec<(f64, bool)> {
        (0..200).map(|at| (f64::from(at) / 200.0, at % 3 != 0)).collect()
    }

    #[test]
    fn plots_hold_numbers_alone() {
        let bins = Reliability::of(&scored()).unwrap().bins;
        for svg in [
            reliability(&bins, Some(&bins)),
            coverage(&coverage_curve(&scored(), 200), 0.4, Some(0.5)),
            coverage(&[], 1.0, None),
            reliability(&[], None),
        ] {
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn the_dot_stands_at_the_threshold() {
        let svg = coverage(&coverage_curve(&scored(), 200), 0.4, Some(0.5));
        assert!(svg.contains("100 rows with confidence 0.500 or more"), "{svg}");
        let svg = coverage(&coverage_curve(&scored(), 200), 0.4, Some(2.0));
        assert!(!svg.contains("<circle"), "nothing is accepted");
    }
}
