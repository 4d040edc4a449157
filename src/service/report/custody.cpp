#include "service/report/custody.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "crypto/hash.h"

namespace perdure::service {
namespace {

constexpr std::uint64_t entry_bytes_max = 1u << 20;
constexpr int attempts_max = 100;

system::Path file_of(system::Path const& folder, std::uint64_t sequence) {
    return folder / fmt::format("{:08}.json", sequence);
}

/// The highest number among the entries' names; 0: there is none.
std::uint64_t newest(system::Path const& folder) {
    std::uint64_t out = 0;
    std::error_code error;
    for (auto const& file : std::filesystem::directory_iterator(folder, error)) {
        auto const stem = file.path().stem().string();
        std::uint64_t number = 0;
        auto const parsed = std::from_chars(stem.data(), stem.data() + stem.size(), number);
        bool const whole = parsed.ec == std::errc() && parsed.ptr == stem.data() + stem.size();
        if (whole && file.path().extension() == ".json") out = std::max(out, number);
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

}  // namespace

Result<std::string> hash_of_file(system::Path const& path) {
    PD_TRY(auto const file, system::File::open_to_read(path));
    crypto::Sha256 hash;
    Bytes buffer(1 << 20);
    while (true) {
        PD_TRY(std::size_t const count, file.read(buffer));
        if (count == 0) return to_hex(hash.finish());
        hash.update(ByteView(buffer).first(count));
    }
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
    for (std::uint64_t number = 1; number <= last; ++number) {
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
            out.head = hash_text(*raw);
            continue;
        }
        auto entry = parse_entry(*report);
        bool const ours =
            std::ranges::find(known, report->key, &KnownReportKey::key) != known.end();
        if (!ours) out.faults.push_back({name, "signed by a key that is not known here"});
        if (report->kind != "custody-entry" || entry.sequence != number) {
            out.faults.push_back({name, "another entry stands in its place"});
        }
        if (entry.previous != out.head) {
            out.faults.push_back({name, "does not follow the entry before it"});
        }
        out.head = hash_text(*raw);
        out.entries.push_back(std::move(entry));
    }
    return out;
}

data::Json custody_json(CustodyEntry const& entry) {
    data::Json out = body_of(entry);
    out.put("when", entry.when).put("who", entry.who).put("host", entry.host);
    return out.put("key_id", entry.key_id);
}

}  // namespace perdure::service
