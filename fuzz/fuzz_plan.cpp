// Files that a restore or an export goes on from: plans, the record of a run, journals, lists of
// parts. People may edit a plan; a disk may damage all of them.
#include "fuzz/input.h"
#include "job/export/journal.h"
#include "job/export/parts.h"
#include "job/recovery/journal.h"
#include "job/recovery/plan_file.h"
#include "job/recovery/run_folder.h"
#include "job/remap/owner_map.h"
#include "job/remap/path_map.h"

namespace {

using namespace perdure;
using namespace perdure::job;

struct Good {
    system::ScratchFolder scratch = *system::ScratchFolder::create();
    repository::DomainPtr domain = std::make_shared<repository::Domain const>(
        repository::RepositoryId{}, repository::Handle{}, 1, crypto::Secret32());
    Bytes plan, journal;
    std::string digest;

    Good() {
        auto const file = scratch.path() / "plan.json";
        auto writer = PlanWriter::create(file, data::Json().put("snapshot", "0123"));
        PD_ASSERT(writer);
        for (auto const* record : {"app:memory/17", "app:memory/18"}) {
            PD_ASSERT((*writer)->item(data::Json().put("record", record).put("do", "insert")));
        }
        PD_ASSERT((*writer)->finish(data::Json().put("insert", 2)));
        digest = (*writer)->digest();
        plan = *system::read_file(file, 1 << 20);
        auto const path = scratch.path() / "0.journal";
        auto entries = JournalWriter::create(path, domain);
        PD_ASSERT(entries && (*entries)->add(as_bytes("one")) && (*entries)->add(as_bytes("two")));
        PD_ASSERT((*entries)->finish());
        journal = *system::read_file(path, 1 << 20);
    }
};

/// Only "overrides" may differ from what was written.
void plan(Good const& good, ByteView bytes) {
    fuzz::InputFile const file(bytes);
    std::string items;
    auto const read = read_plan(file.path(), [&](std::string_view item) -> Result<void> {
        items += std::string(item) + "\n";
        return {};
    });
    if (!read || read->digest != good.digest) return;
    PD_ASSERT(std::ranges::count(items, '\n') == 2 && read->summary.integer_of("insert") == 2);
    PD_ASSERT(read->header.text_of("snapshot") == "0123");
}

/// A journal gives all of its entries, or says that it does not.
void undo_journal(Good const& good, ByteView bytes) {
    fuzz::InputFile const file(bytes);
    std::string entries;
    auto const read = read_journal(file.path(), good.domain, [&](ByteView entry) -> Result<void> {
        entries += to_string(entry);
        return {};
    });
    PD_ASSERT(std::string_view("onetwo").starts_with(entries));
    if (read) PD_ASSERT(entries == "onetwo");
}

void run_record(std::string_view text) {
    auto const json = data::Json::parse(text);
    auto const run = json ? RecoveryRun::from_json(*json) : json.error();
    if (!run) return;
    auto const again = RecoveryRun::from_json(run->to_json());
    PD_ASSERT(again && again->to_json() == run->to_json());
    for (auto const& source : run->sources) static_cast<void>(source.folder());
}

/// The seal is a plain SHA-256: the fuzzer gets it for nothing.
void export_journal(ByteView body) {
    Encoder out;
    out.raw(as_bytes("PDXJ"));
    out.u8(1);
    out.raw(crypto::sha256(body).view());
    out.raw(body);
    auto const read = ExportJournal::decode(out.view());
    if (!read) return;
    auto const again = ExportJournal::decode(read->encode());
    PD_ASSERT(again && again->encode() == read->encode());
}

void part_list(std::string_view text) {
    auto const list = PartList::parse(text);
    if (!list) return;
    for (auto const& part : list->parts) {
        PD_ASSERT(part.name.find('/') == std::string::npos && part.name != "..");
    }
    auto const again = PartList::parse(list->json());
    PD_ASSERT(again && again->json() == list->json());
    static_cast<void>(list->checksums());
    static_cast<void>(list->instructions());
}

void maps(fuzz::Input input) {
    auto const path = std::string(input.text()), rule = std::string(input.text());
    std::vector<std::string> const rules = {rule, std::string(input.rest_as_text())};
    if (auto const map = PathMap::create(rules)) {
        auto const moved = map->apply(path);
        bool const climbs = ("/" + path + "/").find("/../") != std::string::npos;
        if (!climbs) PD_ASSERT(("/" + moved + "/").find("/../") == std::string::npos);
        static_cast<void>(map->apply_link(path));
        for (auto const& folder : map->new_folders()) PD_ASSERT(!folder.empty());
    }
    static_cast<void>(OwnerMap::create({.rules = rules}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    static Good const good;
    fuzz::Input input(data, size);
    switch (input.byte() % 8) {
        case 0:
            plan(good, fuzz::damaged(good.plan, input));
            break;
        case 1:
            plan(good, input.rest());
            break;
        case 2:
            undo_journal(good, fuzz::damaged(good.journal, input));
            break;
        case 3:
            run_record(input.rest_as_text());
            break;
        case 4:
            export_journal(input.rest());
            break;
        case 5:
            part_list(input.rest_as_text());
            break;
        default:
            maps(input);
    }
    return 0;
}
