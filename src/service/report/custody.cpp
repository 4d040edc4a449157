#include "service/report/custody.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "crypto/hash.h"
#include "job/file_hash.h"
#include "system/folder/list_folder.h"

namespace perdure::service {
namespace {

constexpr std::uint64_t entry_bytes_max = 1u << 20;
constexpr std::uint64_t report_bytes_max = 64u << 20;
constexpr int attempts_max = 100;

system::Path file_of(system::Path const& folder, std::uint64_t sequence) {
    return folder / fmt::format("{:08}.json", sequence);
}

/// The highest number among the entries' names; 0: there is none.
std::uint64_t newest(system::Path const& folder) {
    std::uint64_t out = 0;
    std::error_code error;
    for (auto const& file : system::list_folder(folder, error)) {
        auto const stem = file.stem().string();
        std::uint64_t number = 0;
        auto const parsed = std::from_chars(stem.data(), stem.data() + stem.size(), number);
        bool const whole = parsed.ec == std::errc() && parsed.ptr == stem.data() + stem.size();
        if (whole && file.extension() == ".json") out = std::max(out, number);
    }
    return out;
}

std::string hash_text(ByteView bytes) {
    return to_hex(crypto::sha256(bytes));
}

CustodyEntry parse_entry(VerifiedReport const& report) {
    CustodyEntry out;
    data::Json const nothing;
    auto const* found = report.report.find("body");
    data::Json const& body = found ? *found : nothing;
    out.sequence = static_cast<std::uint64_t>(body.integer_of("sequence"));
    out.when = report.issued;
    out.host = report.host;
    out.who = report.report.text_of("user");
    out.key_id = report.key_id;
    out.act = body.text_of("act");
    out.snapshot = body.text_of("snapshot");
    out.outcome = body.text_of("outcome");
    out.sentence = body.text_of("sentence");
    out.previous = body.text_of("previous");
    if (auto const* sources = body.find("sources"); sources && sources->array()) {
        for (auto const& source : *sources->array()) {
            if (source.text()) out.sources.push_back(*source.text());
        }
    }
    if (auto const* hashes = body.find("hashes"); hashes && hashes->array()) {
        for (auto const& hash : *hashes->array()) {
            out.hashes.emplace_back(hash.text_of("what"), hash.text_of("sha256"));
        }
    }
    return out;
}

data::Json body_of(CustodyEntry const& entry) {
    data::Json body;
    body.put("sequence", entry.sequence).put("previous", entry.previous).put("act", entry.act);
    data::Json sources{data::Json::Array{}}, hashes{data::Json::Array{}};
    for (auto const& source : entry.sources) sources.add(source);
    for (auto const& [what, hash] : entry.hashes) {
        hashes.add(data::Json().put("what", what).put("sha256", hash));
    }
    body.put("sources", std::move(sources)).put("snapshot", entry.snapshot);
    body.put("outcome", entry.outcome).put("sentence", entry.sentence);
    return body.put("hashes", std::move(hashes));
}

system::Path head_file(system::Path const& state_folder) {
    return state_folder / "custody-head.json";
}

/// What a signed report says of the length of the chain.
struct Anchor {
    std::string where;
    std::uint64_t sequence = 0;
    std::string hash;
};

bool is_known(std::vector<KnownReportKey> const& known, VerifiedReport const& report) {
    return std::ranges::find(known, report.key, &KnownReportKey::key) != known.end();
}

void add_anchor(system::Path const& file, std::vector<KnownReportKey> const& known,
                std::vector<Anchor>& out) {
    auto const raw = system::read_file(file, report_bytes_max);
    auto const report = raw ? verify_report(as_text(*raw)) : Result<VerifiedReport>(raw.error());
    if (!report || !is_known(known, *report)) return;
    auto const* body = report->report.find("body");
    auto const* head = body && report->kind != "custody-head" ? body->find("custody") : body;
    if (!head || head->integer_of("sequence") < 1) return;
    out.push_back({file.filename().string(),
                   static_cast<std::uint64_t>(head->integer_of("sequence")),
                   head->text_of("sha256")});
}

std::vector<Anchor> anchors_of(system::Path const& state_folder,
                               std::vector<KnownReportKey> const& known) {
    std::vector<Anchor> out;
    add_anchor(head_file(state_folder), known, out);
    std::error_code error;
    for (auto const& file : system::list_folder(state_folder / "reports", error)) {
        if (file.extension() == ".json") add_anchor(file, known, out);
    }
    return out;
}

/// Entries that a signed report knows of and that are no longer there, or are others.
void check_end(std::vector<Anchor> const& anchors, std::vector<std::string> const& hashes,
               std::vector<data::Problem>& faults) {
    for (auto const& anchor : anchors) {
        if (anchor.sequence > hashes.size()) {
            faults.push_back({fmt::format("{:08}.json", anchor.sequence),
                              fmt::format("cut off: {} says that the log had {} entries, {} are "
                                          "there",
                                          anchor.where, anchor.sequence, hashes.size())});
        } else if (hashes[anchor.sequence - 1] != anchor.hash) {
            faults.push_back({fmt::format("{:08}.json", anchor.sequence),
                              "another entry stood in its place, says " + anchor.where});
        }
    }
}

}  // namespace

data::Json custody_head(system::Path const& state_folder) {
    auto const folder = state_folder / "custody";
    auto const last = newest(folder);
    auto const hash = last > 0 ? hash_of_file(file_of(folder, last)) : Result<std::string>("");
    if (last == 0 || !hash) return {};
    return data::Json{}.put("sequence", last).put("sha256", *hash);
}

Result<std::string> hash_of_file(system::Path const& path) {
    PD_TRY(auto const hash, job::hash_file(path));
    return to_hex(hash.digest);
}

Result<CustodyEntry> append_custody(system::Path const& state_folder, CustodyEntry facts) {
    PD_TRY(auto const keys, ReportKeys::open(state_folder));
    auto const folder = state_folder / "custody";
    PD_CHECK(system::make_folders(folder));
    for (int attempt = 0;; ++attempt) {
        auto const last = newest(folder);
        facts.previous.clear();
        if (last > 0) {
            PD_TRY(facts.previous, hash_of_file(file_of(folder, last)));
        }
        facts.sequence = last + 1;
        auto const text = keys.sign("custody-entry", body_of(facts));
        auto const put =
            system::write_file(file_of(folder, facts.sequence), as_bytes(text), {.replace = false});
        if (put) {
            auto head = data::Json{}.put("sequence", facts.sequence);
            head.put("sha256", hash_text(as_bytes(text)));
            PD_CHECK(system::write_file(head_file(state_folder),
                                        as_bytes(keys.sign("custody-head", std::move(head)))));
            PD_TRY(auto const report, verify_report(text));
            return parse_entry(report);
        }
        if (put.error().fault() != Fault::conflict || attempt == attempts_max) return put.error();
    }
}

Result<CustodyChain> read_custody(system::Path const& state_folder) {
    CustodyChain out;
    auto const folder = state_folder / "custody";
    PD_TRY(auto const known, ReportKeys::known(state_folder));
    auto const last = newest(folder);
    std::vector<std::string> hashes;
    for (std::uint64_t number = 1; number <= last; ++number) {
        hashes.emplace_back();
        auto const file = file_of(folder, number);
        auto const raw = system::read_file(file, entry_bytes_max);
        auto const name = file.filename().string();
        if (!raw) {
            out.faults.push_back({name, raw.error().message()});
            out.head.clear();
            continue;
        }
        auto const report = verify_report(as_text(*raw));
        if (!report) {
            out.faults.push_back({name, report.error().message()});
            out.head = hashes.back() = hash_text(*raw);
            continue;
        }
        auto entry = parse_entry(*report);
        if (!is_known(known, *report))
            out.faults.push_back({name, "signed by a key that is not known here"});
        if (report->kind != "custody-entry" || entry.sequence != number) {
            out.faults.push_back({name, "another entry stands in its place"});
        }
        if (entry.previous != out.head) {
            out.faults.push_back({name, "does not follow the entry before it"});
        }
        out.head = hashes.back() = hash_text(*raw);
        out.entries.push_back(std::move(entry));
    }
    check_end(anchors_of(state_folder, known), hashes, out.faults);
    return out;
}

data::Json custody_json(CustodyEntry const& entry) {
    data::Json out = body_of(entry);
    out.put("when", entry.when).put("who", entry.who).put("host", entry.host);
    return out.put("key_id", entry.key_id);
}

}  // namespace perdure::service
