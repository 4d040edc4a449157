#include <fmt/format.h>

#include "face/cli/commands/handlers.h"
#include "face/cli/table.h"
#include "service/health/health.h"
#include "service/health/objectives.h"

namespace perdure::face {
namespace {

std::string lamp(Style const& style, service::Light light) {
    switch (light) {
        case service::Light::green:
            return style.green("●");
        case service::Light::unknown:
            return style.dim("○");
        case service::Light::partial:
        case service::Light::overdue:
            return style.yellow("◐");
        case service::Light::red:
            return style.red("✗");
    }
    return "";
}

/// True when every objective is met.
Result<bool> tell_objectives(Invocation& in, service::Workspace& workspace) {
    bool const offline = in.arguments().has("--offline");
    PD_TRY(auto const objectives, service::measure_objectives(workspace, offline));
    auto& out = in.out();
    auto const& style = out.out_style();
    Table table({"objective", "about", "wanted", "measured", ""});
    JsonArray all;
    bool met = true;
    for (auto const& one : objectives) {
        met = met && one.met;
        table.add({one.name, one.about, one.wanted,
                   one.measured.empty() ? "nothing yet" : one.measured,
                   one.met ? style.green("met") : style.red("not met")});
        JsonObject object;
        object.put("name", one.name).put("about", one.about).put("wanted", one.wanted);
        object.put("measured", one.measured).put("met", one.met);
        all.add(object);
    }
    out.line();
    table.print(out);
    in.summary().put("objectives", all).put("objectives_met", met);
    return met;
}

}  // namespace

Result<int> run_status(Invocation& in) {
    PD_TRY(auto workspace, open_to_read(in));
    auto const health = service::assess(*workspace, in.arguments().has("--offline"));
    auto& out = in.out();
    out.line(out.out_style().bold(health.sentence));
    JsonArray sources;
    for (auto const& source : health.sources) {
        out.line();
        out.line(fmt::format("{} {}", lamp(out.out_style(), source.worst), source.name));
        JsonObject lights;
        for (auto const& light : source.lights) {
            out.line(fmt::format("    {} {:<13} {:<8} {}", lamp(out.out_style(), light.light),
                                 light.name, service::light_name(light.light),
                                 out.out_style().dim(printable(light.detail))));
            JsonObject state;
            state.put("light", service::light_name(light.light)).put("detail", light.detail);
            lights.put(light.name, state);
        }
        JsonObject object;
        object.put("name", source.name).put("worst", service::light_name(source.worst));
        object.put("lights", lights);
        sources.add(object);
    }
    in.summary().put("sentence", health.sentence);
    in.summary().put("worst", service::light_name(health.worst)).put("sources", sources);
    in.summary().put("known", health.known);
    bool met = true;
    if (in.arguments().has("--slo")) {
        PD_TRY(met, tell_objectives(in, *workspace));
    }
    bool const late = !met || !health.known || health.worst == service::Light::overdue ||
                      health.worst == service::Light::red;
    bool const partial = health.worst == service::Light::partial;
    if (!(late || partial) || !in.arguments().has("--exit-code")) return service::exit_code::ok;
    if (!late) {
        in.add_error(
            fail(Fault::unavailable, health.sentence).with_code(service::exit_code::partial));
        return service::exit_code::partial;
    }
    in.add_error(fail(Fault::unavailable, met ? health.sentence : "an objective is not met")
                     .with_code(service::exit_code::overdue));
    return service::exit_code::overdue;
}

}  // namespace perdure::face
