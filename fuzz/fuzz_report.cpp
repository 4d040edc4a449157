// A signed report that somebody changed: it verifies only while it says the same. And the keys
// that people pass around.
#include "fuzz/input.h"
#include "service/report/custody.h"
#include "service/report/signed_report.h"

namespace {

using namespace perdure;
using namespace perdure::service;

struct Good {
    system::ScratchFolder scratch = *system::ScratchFolder::create();
    std::string text, canonical;

    Good() {
        auto const keys = ReportKeys::open(scratch.path());
        PD_ASSERT(keys);
        data::Json body;
        body.put("snapshot", "0123").put("rows", 17).put("equal", true);
        body.put("sources", data::Json::Array{"app", "tree"});
        text = keys->sign("drill", body);
        canonical = data::Json::parse(text)->canonical();
        PD_ASSERT(append_custody(scratch.path(), {.act = "backup", .sentence = "one"}));
        PD_ASSERT(append_custody(scratch.path(), {.act = "export", .sentence = "two"}));
    }
};

void report(Good const& good, fuzz::Input input) {
    auto const changed = fuzz::damaged(as_bytes(good.text), input);
    auto const verified = verify_report(as_text(changed));
    if (!verified) return;
    PD_ASSERT(verified->report.canonical() == good.canonical && verified->kind == "drill");
}

/// An entry of the chain in whose place something else stands.
void custody(Good const& good, fuzz::Input input) {
    auto const file = good.scratch.path() / "custody" / "00000002.json";
    auto const whole = *system::read_file(file, 1 << 20);
    auto const changed = fuzz::damaged(whole, input);
    PD_ASSERT(system::write_file(file, changed, {.durable = false}));
    auto const chain = read_custody(good.scratch.path());
    PD_ASSERT(system::write_file(file, whole, {.durable = false}));
    if (!chain) return;
    if (chain->faults.empty()) {
        PD_ASSERT(chain->entries.size() == 2 && chain->entries[1].sentence == "two");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    static Good const good;
    fuzz::Input input(data, size);
    switch (input.byte() % 4) {
        case 0:
            report(good, input);
            break;
        case 1:
            custody(good, input);
            break;
        case 2:
            PD_ASSERT(!verify_report(input.rest_as_text()) || input.rest().size() > 200);
            break;
        default: {
            auto const text = std::string(input.rest_as_text());
            auto const key = read_report_key(text);
            if (key && text.size() == 64) PD_ASSERT(read_report_key(to_hex(key->view())));
        }
    }
    return 0;
}
