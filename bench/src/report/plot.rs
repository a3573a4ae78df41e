//! Plots as SVG, to stand within a page.

use std::fmt::Display;

use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

/// In pixels.
const SIZE: (u32, u32) = (900, 340);
/// Differ for those who see few colours, too (Okabe and Ito).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// A named line.
pub(super) struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

impl Line {
    fn max_of(lines: &[Line], of: impl Fn(&(f64, f64)) -> f64) -> f64 {
        lines.iter().flat_map(|line| &line.points).map(of).fold(0.0, f64::max)
    }
}

/// y over seconds, from zero.
pub(super) fn over_time(title: &str, unit: &str, lines: &[Line]) -> Result<String, String> {
    let x = Line::max_of(lines, |point| point.0).max(1e-3);
    let y = Line::max_of(lines, |point| point.1).max(1e-9) * 1.05;
    draw(title, "s", unit, 0.0..x, 0.0..y, lines, &|x| {
        format!("{x:.1}").trim_end_matches(".0").to_owned()
    })
}

/// Latencies in ms over percentiles, both logarithmic; x is 1 / (1 - quantile).
pub(super) fn over_percentiles(title: &str, lines: &[Line]) -> Result<String, String> {
    let x = Line::max_of(lines, |point| point.0).max(10.0);
    let y = Line::max_of(lines, |point| point.1).max(1e-3);
    let low = lines.iter().flat_map(|line| &line.points).map(|point| point.1).fold(y, f64::min);
    let range = (low * 0.8).max(1e-4)..y * 1.25;
    let percentile = |x: &f64| {
        // 10 is 90 %, 100 is 99 %: as many digits as there are nines.
        let digits = (x.log10().round() - 2.0).max(0.0) as usize;
        format!("{:.digits$} %", 100.0 - 100.0 / x)
    };
    draw(title, "percentile", "ms", (1.0..x).log_scale(), range.log_scale(), lines, &percentile)
}

fn draw<X, Y>(
    title: &str,
    x_title: &str,
    y_title: &str,
    x: X,
    y: Y,
    lines: &[Line],
    x_label: &dyn Fn(&f64) -> String,
) -> Result<String, String>
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let mut svg = String::new();
    let failed = |error: &dyn Display| format!("the plot {title:?}: {error}");
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(|error| failed(&error))?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(72)
            .build_cartesian_2d(x, y)
            .map_err(|error| failed(&error))?;
        chart
            .configure_mesh()
            .x_desc(x_title)
            .y_desc(y_title)
            .x_label_formatter(x_label)
            .light_line_style(WHITE)
            .draw()
            .map_err(|error| failed(&error))?;
        for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
            chart
                .draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(2)))
                .map_err(|error| failed(&error))?
                .label(&line.name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
                });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.2))
            .draw()
            .map_err(|error| failed(&error))?;
        area.present().map_err(|error| failed(&error))?;
    }
    Ok(svg)
}
