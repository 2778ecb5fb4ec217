//! The tables of the bench, for a person.

use connector_bench::comparison::Comparison;
use connector_bench::destinations::Destinations;
use connector_bench::multi_tenant::MultiTenant;
use connector_bench::start_up::StartUp;
use connector_destinations::stderr::print_line;

pub(super) fn start_up(figures: &StartUp) {
    let StartUp {
        compile_ms,
        load_ms,
        instantiate_ms,
        first_request_ms,
        component_bytes,
    } = figures;
    print_line(&format!(
        "component {component_bytes} bytes; compiled in {compile_ms:.0} ms, loaded precompiled in {load_ms:.2} ms"
    ));
    print_line(&format!(
        "a call has its instance after {instantiate_ms:.3} ms and sends its first request after {first_request_ms:.3} ms"
    ));
}

pub(super) fn comparison_head() {
    print_line("");
    print_line(
        "latency  client       wall     CPU     requests/s  rows/s  linear memory  peak RSS  ratio  in flight",
    );
}

#[expect(clippy::cast_precision_loss, reason = "figures for a table")]
pub(super) fn comparison(figures: &Comparison) {
    for (name, run) in [
        ("component", &figures.component),
        ("native", &figures.native),
    ] {
        let end = if name == "component" {
            format!("{:>5.2}  {:>9.2}", figures.ratio, figures.in_flight)
        } else {
            String::new()
        };
        print_line(&format!(
            "{:>4} ms  {name:<9}  {:>6.2} s  {:>6.2} s  {:>8.0}  {:>8.0}  {:>9.2} MiB  {:>4} MiB  {end}",
            figures.latency_ms,
            run.wall_s,
            run.cpu_s,
            run.requests as f64 / run.wall_s,
            run.rows as f64 / run.wall_s,
            run.linear_memory as f64 / f64::from(1 << 20),
            run.peak_rss_kib >> 10,
        ));
    }
}

pub(super) fn multi_tenant_head() {
    print_line("");
    print_line(
        "tenants  wall     median   requests/s  rows/s  RSS per tenant  complete  beside: median   ratio  host RSS added",
    );
}

#[expect(clippy::cast_precision_loss, reason = "figures for a table")]
pub(super) fn multi_tenant(figures: &MultiTenant) {
    let MultiTenant {
        alone,
        beside,
        ratio,
        host_rss_added_kib,
    } = figures;
    print_line(&format!(
        "{:>7}  {:>5.2} s  {:>5.2} s  {:>9.0}  {:>7.0}  {:>10.0} KiB  {:<8}  {:>12.2} s  {ratio:>5.2}  {:>10.1} MiB",
        alone.tenants,
        alone.wall_s,
        alone.median_s,
        alone.requests as f64 / alone.wall_s,
        alone.rows as f64 / alone.wall_s,
        alone.rss_per_tenant_kib,
        completeness(figures),
        beside.median_s,
        host_rss_added_kib / 1024.0,
    ));
}

pub(super) fn attack_head() {
    print_line("");
    print_line(
        "tenants  attack                              alone: median  beside  ratio  host RSS added  complete",
    );
}

pub(super) fn attack(words: &str, figures: &MultiTenant) {
    let MultiTenant {
        alone,
        beside,
        ratio,
        host_rss_added_kib,
    } = figures;
    print_line(&format!(
        "{:>7}  {words:<34}  {:>11.2} s  {:>5.2} s  {ratio:>5.2}  {:>10.1} MiB  {}",
        alone.tenants,
        alone.median_s,
        beside.median_s,
        host_rss_added_kib / 1024.0,
        completeness(figures),
    ));
}

pub(super) fn destinations(figures: &Destinations) {
    let Destinations {
        rows,
        sqlite,
        postgres,
        ratio,
    } = figures;
    print_line(&format!(
        "runs of {rows} rows: SQLite {sqlite:.0} rows/s, PostgreSQL {postgres:.0} rows/s, ratio {ratio:.2}"
    ));
}

fn completeness(figures: &MultiTenant) -> &'static str {
    if figures.alone.complete && figures.beside.complete {
        "yes"
    } else {
        "NO"
    }
}
