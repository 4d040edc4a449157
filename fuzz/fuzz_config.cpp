// perdure.toml, written by hand or by another program: every fault is named with its place, and
// what perdure writes itself it reads again alike.
#include "fuzz/input.h"
#include "service/config/config.h"
#include "service/config/edit.h"
#include "service/config/key.h"
#include "service/config/units.h"

namespace {

using namespace perdure;
using namespace perdure::service;

void config(std::string const& text) {
    auto const loaded = parse_config(text, "/etc/app/perdure.toml");
    PD_ASSERT(loaded.config.has_value() == loaded.faults.empty());
    auto const lines = static_cast<int>(std::ranges::count(text, '\n')) + 1;
    for (auto const& fault : loaded.faults) {
        PD_ASSERT(!fault.message.empty());
        PD_ASSERT(fault.place.line >= 0 && fault.place.line <= lines + 1);
    }
    PD_ASSERT(describe_faults("x", loaded.faults).empty() == loaded.faults.empty());
    if (!loaded.config) return;
    for (auto const& value : show_config(*loaded.config, true)) PD_ASSERT(!value.path.empty());
    std::string again;
    for (auto const& source : loaded.config->sources) {
        again += source_sections(source.options, "/etc/app");
    }
    auto const second = parse_config("version = 1\n" + again, "/etc/app/perdure.toml");
    for (auto const& source : loaded.config->sources) {
        if (!second.config) break;  // what the sections of sources alone lack
        auto const* found = second.config->source(source.options.name);
        PD_ASSERT(found && found->options.type == source.options.type);
        PD_ASSERT(found->options.exclude == source.options.exclude);
    }
}

void texts(std::string_view text) {
    std::vector<ConfigFault> faults;
    auto const root = parse_toml(toml_key(text) + " = " + toml_text(text) + "\nlast = 1\n", faults);
    if (!faults.empty()) return;  // bytes that TOML cannot hold
    auto const* value = root.find(std::string(text));
    PD_ASSERT(value && value->kind == Node::Kind::text && value->text == text);
    PD_ASSERT(text == "last" || root.find("last"));
}

void units(std::string_view text) {
    if (auto const time = parse_duration(text)) {
        auto const again = parse_duration(spell_duration(*time));
        PD_ASSERT(again && *again == *time && time->count() >= 0);
    }
    static_cast<void>(parse_size(text));
    if (auto const window = parse_window(text)) {
        PD_ASSERT(window->from_minute >= 0 && window->from_minute <= 24 * 60);
        PD_ASSERT(window->to_minute >= 0 && window->to_minute <= 24 * 60);
    }
    static_cast<void>(check_cron(text));
    static_cast<void>(kind_of_secret(as_bytes(text)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto const kind = input.byte() % 4;
    if (kind < 2) config(std::string(input.rest_as_text()));
    if (kind == 2) texts(input.rest_as_text());
    if (kind == 3) units(input.rest_as_text());
    return 0;
}
