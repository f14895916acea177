//! The figures of a report as bars, in SVG: a panel for each unit, a bar up to the median, and a line from the least to
//! the most.
//!
//! There is no background, and all colours stand out from white and from black, so that the chart is readable on a light
//! and on a dark page.

use anyhow::Result;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::{RangedCoordf64, RangedCoordi32};
use plotters::drawing::IntoDrawingArea as _;
use plotters::element::{PathElement, Rectangle, Text};
use plotters::prelude::SVGBackend;
use plotters::style::{Color as _, FontFamily, FontStyle, IntoTextStyle as _, RGBColor, ShapeStyle};

use crate::report::{Report, Series, number};

const WIDTH: u32 = 720;
/// Of the name of a unit.
const HEAD: i32 = 24;
/// Of a bar with its label above it.
const ROW: i32 = 36;
/// From the top of a row to its bar.
const LABEL: i32 = 16;
const BAR: i32 = 10;
const MARGIN: i32 = 8;

const TEXT: RGBColor = RGBColor(0x74, 0x7c, 0x86);
/// Of the service.
const OURS: RGBColor = RGBColor(0x2f, 0x81, 0xd7);
/// Of what it is compared with.
const OTHERS: RGBColor = RGBColor(0xb0, 0x74, 0x1c);

/// From the left a figure, from below pixels.
type Panel<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordi32>>;

/// The chart of a report that has figures.
pub(super) fn svg(report: &Report) -> Result<String> {
    let mut panels: Vec<(&str, Vec<&Series>)> = Vec::new();
    for series in &report.series {
        match panels.iter_mut().find(|(unit, _)| *unit == series.unit) {
            Some((_, panel)) => panel.push(series),
            None => panels.push((&series.unit, vec![series])),
        }
    }
    let heights: Result<Vec<i32>> =
        panels.iter().map(|(_, it)| Ok(HEAD + ROW * i32::try_from(it.len())?)).collect();
    let heights = heights?;
    let mut image = String::new();
    {
        let size = (WIDTH, u32::try_from(heights.iter().map(|it| it + 2 * MARGIN).sum::<i32>())?);
        let mut area = SVGBackend::with_string(&mut image, size).into_drawing_area();
        for ((unit, series), height) in panels.iter().zip(heights) {
            let (upper, lower) = area.split_vertically(height + 2 * MARGIN);
            let most =
                series.iter().map(|it| it.figures.most).filter(|it| it.is_finite()).fold(0.0, f64::max);
            let width = if most > 0.0 { most } else { 1.0 };
            let mut panel =
                ChartBuilder::on(&upper).margin(MARGIN).build_cartesian_2d(0.0..width, 0..height)?;
            write(&mut panel, unit, height, FontStyle::Bold)?;
            for (number, series) in series.iter().enumerate() {
                row(&mut panel, series, height - HEAD - ROW * i32::try_from(number)?)?;
            }
            area = lower;
        }
        area.present()?;
    }
    Ok(image)
}

/// A label and a bar below `top`.
fn row(panel: &mut Panel<'_, '_>, series: &Series, top: i32) -> Result<()> {
    let Series { label, unit, figures } = series;
    let [median, least, most] = [figures.median, figures.least, figures.most].map(number);
    write(panel, &format!("{label}: {median} {unit} ({least} to {most})"), top, FontStyle::Normal)?;
    if figures.least.is_finite() && figures.most.is_finite() {
        let colour = if label.starts_with("service") { OURS } else { OTHERS };
        let (bar, middle) = (top - LABEL, top - LABEL - BAR / 2);
        let corners = [(0.0, bar), (figures.median, bar - BAR)];
        panel.draw_series([Rectangle::new(corners, colour.filled())])?;
        let ends = vec![(figures.least, middle), (figures.most, middle)];
        panel.draw_series([PathElement::new(ends, ShapeStyle::from(TEXT).stroke_width(2))])?;
    }
    Ok(())
}

/// A line of text below `top`.
fn write(panel: &mut Panel<'_, '_>, text: &str, top: i32, style: FontStyle) -> Result<()> {
    let font = (FontFamily::SansSerif, 16, style, &TEXT).into_text_style(panel.plotting_area());
    panel.draw_series([Text::new(text.to_owned(), (0.0, top), font)])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use plotters::style::RGBColor;

    use super::{OTHERS, OURS, TEXT, svg};
    use crate::report::Report;

    #[test]
    fn a_chart_has_a_panel_for_each_unit_and_a_label_for_each_figure() {
        let mut report = Report::new("W9", "writes");
        report
            .series("service: accepted", "/s", vec![1_000.0, 1_500.0])
            .series("service: p99 <of all>", "ms", vec![3.0])
            .series("pgbench: inserted", "/s", vec![f64::NAN]);
        let image = svg(&report).unwrap();
        for expected in [
            "service: accepted: 1,250 /s (1,000 to 1,500)",
            "service: p99 &lt;of all&gt;: 3.00 ms",
            "pgbench: inserted: NaN /s",
        ] {
            assert!(image.contains(expected), "{expected} is not in\n{image}");
        }
        assert_eq!(image.matches("<rect").count(), 2, "a bar for each figure that is a number\n{image}");
        assert_eq!(image.matches("<text").count(), 5, "two units and three figures\n{image}");
    }

    /// The luminance of WCAG.
    fn luminance(RGBColor(red, green, blue): RGBColor) -> f64 {
        let part = |it: u8| {
            let it = f64::from(it) / 255.0;
            if it <= 0.04045 { it / 12.92 } else { ((it + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue)
    }

    #[test]
    fn colours_stand_out_from_a_light_and_from_a_dark_page() {
        for colour in [TEXT, OURS, OTHERS] {
            let luminance = luminance(colour);
            let (on_white, on_dark) = (1.05 / (luminance + 0.05), (luminance + 0.05) / (0.0055 + 0.05));
            assert!(
                on_white >= 3.5 && on_dark >= 3.5,
                "{colour:?}: {on_white:.1} on white, {on_dark:.1} on dark"
            );
        }
    }
}
