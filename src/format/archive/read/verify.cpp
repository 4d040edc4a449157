#include "format/archive/read/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "format/archive/bag/bag.h"
#include "format/archive/layout.h"
#include "format/archive/read/portable_archive.h"
#include "format/archive/read/records_cursor.h"
#include "format/archive/unpack/file_bytes.h"

namespace perdure::format {

namespace {

constexpr std::size_t findings_max = 1000;
constexpr std::uint64_t text_max = 64 << 20;

class Verifier {
public:
    Verifier(PortableArchive const& archive, VerifyOptions const& options)
        : archive_(archive), options_(options) {}

    Result<ArchiveReport> run(std::stop_token const& stop) {
        describe();
        PD_CHECK(check_sums());
        PD_CHECK(check_signature());
        check_manifest_sums();
        PD_CHECK(check_records(stop));
        if (archive_.manifest().schema >= 4) PD_CHECK(check_media());
        if (archive_.bag()) check_the_bag();
        return std::move(report_);
    }

private:
    void wrong(std::string what) {
        if (report_.errors.size() < findings_max) report_.errors.push_back(std::move(what));
    }

    void describe() {
        auto const& manifest = archive_.manifest();
        report_.container = archive_.files().container();
        report_.encrypted = archive_.files().encrypted();
        report_.bagit = archive_.bag().has_value();
        report_.schema_version = manifest.schema_version;
        report_.source = manifest.json.text("source");
        report_.export_date = manifest.json.text("export_date");
        report_.warnings = manifest.warnings;
        for (auto const& [name, file] : archive_.files().files()) {
            ++report_.files;
            report_.bytes += file.bytes;
        }
        warn_of_strangers();
        for (auto const& damage : archive_.files().damages()) {
            report_.lost.push_back({"archive", damage.what});
        }
    }

    /// What lies beside the archive in its container is vouched for by nobody.
    void warn_of_strangers() {
        std::uint64_t count = 0;
        std::string first;
        for (auto const& [name, file] : archive_.files().files()) {
            bool const own = name.starts_with(archive_.root()) ||
                             (archive_.bag() && name.starts_with(*archive_.bag()));
            if (own) continue;
            if (count++ == 0) first = name;
        }
        if (count == 0) return;
        report_.warnings.push_back(fmt::format(
            "{} files lie beside the archive, and nothing vouches for them; the first: {}", count,
            first));
    }

    std::string list_name() const {
        return archive_.manifest().schema == 3 ? "checksums.sha256"
                                               : std::string(archive_name::checksums);
    }

    /// Every listed file is there and as listed; every file there is listed.
    Result<void> check_sums() {
        auto file = archive_.open_file(list_name());
        if (!file) {
            wrong(list_name() + " is missing");
            return {};
        }
        LineReader lines(std::move(*file));
        std::unordered_set<std::string> listed;
        while (true) {
            PD_TRY(auto const line, lines.next());
            if (!line) break;
            if (line->size() < 67 || line->substr(64, 2) != "  ") {
                wrong(fmt::format("{}: a line that is none", list_name()));
                return {};
            }
            std::string const name(line->substr(66));
            // Only what is there is remembered: a list may name anything.
            bool const twice = archive_.has(name) && !listed.insert(name).second;
            if (twice) wrong(fmt::format("{}: listed twice", name));
            check_sum(name, line->substr(0, 64));
        }
        for (auto const& [name, fact] : archive_.files().files()) {
            if (!name.starts_with(archive_.root())) continue;
            auto const own = name.substr(archive_.root().size());
            bool const apart = own == list_name() || own == archive_name::signature;
            if (!apart && !listed.contains(own))
                wrong(fmt::format("{}: no checksum names it", own));
        }
        return {};
    }

    void check_sum(std::string const& name, std::string_view expected) {
        if (!archive_.has(name)) return wrong(fmt::format("{}: is missing", name));
        auto const hash = archive_.files().hash_of(archive_.root() + name);
        if (!hash) return wrong(fmt::format("{}: {}", name, hash.error().message()));
        if (to_hex(*hash) != expected) wrong(fmt::format("{}: does not fit its checksum", name));
    }

    void check_manifest_sums() {
        for (auto const& [key, expected] : archive_.manifest().checksums) {
            std::string name = key;
            // Seed 002 names three files by their base names.
            for (auto const known :
                 {archive_name::memories, archive_name::units, archive_name::projects}) {
                if (key == known.substr(known.find('/') + 1)) name = known;
            }
            if (!archive_.has(name)) {
                wrong(fmt::format("{}: the manifest names it, and it is missing", name));
                continue;
            }
            auto const hash = archive_.files().hash_of(archive_.root() + name);
            if (!hash || to_hex(*hash) != expected) {
                wrong(fmt::format("{}: does not fit the manifest's checksum", name));
            }
        }
    }

    Result<void> check_signature() {
        if (!archive_.has(archive_name::signature)) {
            if (options_.key) wrong("the archive is not signed");
            return {};
        }
        PD_TRY(auto const text, archive_.read(archive_name::signature, text_max));
        auto const signature = MinisignSignature::parse(as_text(text));
        if (!signature) {
            report_.signature = SignatureState::wrong;
            wrong(fmt::format("the signature: {}", signature.error().message()));
            return {};
        }
        report_.signed_by = MinisignPublicKey{signature->id, {}}.id_text();
        auto const key = options_.key ? options_.key : own_key();
        if (!key) {
            report_.warnings.push_back("signed, but no key to verify it with is known");
            return {};
        }
        auto const verified = verify_list(*signature, *key);
        if (!verified) {
            report_.signature = SignatureState::wrong;
            wrong(fmt::format("the signature: {}", verified.error().message()));
            return {};
        }
        report_.signature =
            options_.key ? SignatureState::valid : SignatureState::valid_by_own_word;
        if (!options_.key) {
            report_.warnings.push_back(
                "the signature fits the key the archive names itself: give the key you trust");
        }
        return {};
    }

    Result<void> verify_list(MinisignSignature const& signature, MinisignPublicKey const& key) {
        if (!signature.prehashed) {
            PD_TRY(auto const list, archive_.read(archive_name::checksums, text_max));
            return signature.verify_legacy(key, list);
        }
        PD_TRY(auto const file, archive_.open_file(archive_name::checksums));
        crypto::Blake2b hash;
        Bytes part(256 << 10);
        while (true) {
            PD_TRY(auto const count, file.read(part));
            if (count == 0) return signature.verify(key, hash.finish());
            hash.update(ByteView(part).first(count));
        }
    }

    std::optional<MinisignPublicKey> own_key() const {
        auto const text = archive_.read(archive_name::configuration, text_max);
        if (!text) return std::nullopt;
        auto const json = read_json(as_text(*text));
        if (!json) return std::nullopt;
        auto key = MinisignPublicKey::parse(json->text("public_key"));
        return key ? std::optional(*key) : std::nullopt;
    }

    /// Reading them is checking them.
    Result<void> check_records(std::stop_token const& stop) {
        auto const reader = open_archive_records(archive_);
        bool whole = true;
        while (true) {
            auto const record = reader->next(stop);
            for (auto& problem : reader->take_problems()) {
                if (report_.lost.size() < findings_max) report_.lost.push_back(std::move(problem));
            }
            if (!record) {
                if (record.error().fault() == Fault::cancelled) return record.error();
                wrong(record.error().message());
                whole = false;
                break;
            }
            if (!*record) break;
            ++report_.records;
            ++report_.per_type[std::string((*record)->type)];
            if ((*record)->embedding) ++report_.vectors;
        }
        if (whole && report_.lost.empty()) check_counts();
        return {};
    }

    void check_counts() {
        auto const& manifest = archive_.manifest();
        std::map<std::string, std::uint64_t> sums;
        auto const places = place_types(manifest.types);
        for (std::size_t i = 0; i < manifest.types.size(); ++i) {
            auto const& type = manifest.types[i].type;
            auto const found = report_.per_type[type];
            if (manifest.schema >= 4) sums[places[i].count] += found;
            if (found != manifest.places[i].count) {
                wrong(fmt::format("the manifest tells of {} records of type {}, there are {}",
                                  manifest.places[i].count, type, found));
            }
        }
        for (auto const& [name, count] : sums) {
            if (manifest.json.count(name) != count) {
                wrong(fmt::format("the manifest's {} is not the {} there are", name, count));
            }
        }
    }

    /// The hashes that media.json names and that are there, entry by entry.
    Result<void> read_media_list(std::unordered_set<std::string>& named) {
        PD_TRY(auto file, archive_.open_file(archive_name::media));
        FileBytes source(std::move(file));
        JsonReader in(source);
        PD_TRY(auto const first, in.next());
        if (first != JsonEvent::begin_object) return fail(Fault::invalid, "is no JSON object");
        while (true) {
            PD_TRY(auto const event, in.next());
            if (event == JsonEvent::end_object) break;
            auto const name = media_name(in.text());
            if (!archive_.has(name)) {
                wrong(fmt::format("{}: media.json names it, and it is missing", name));
            } else if (!named.insert(name).second) {
                wrong(fmt::format("{}: media.json names it twice", name));
            }
            PD_TRY(auto const value, in.next());
            PD_CHECK(in.skip(value));
        }
        PD_CHECK(in.next());
        return {};
    }

    /// media.json and the files name each other.
    Result<void> check_media() {
        std::unordered_set<std::string> named;
        if (auto const read = read_media_list(named); !read) {
            wrong(fmt::format("{}: {}", archive_name::media, read.error().message()));
            return {};
        }
        for (auto const& [name, file] : archive_.files().files()) {
            auto const own = name.starts_with(archive_.root()) ? name.substr(archive_.root().size())
                                                               : std::string();
            if (!own.starts_with("media/") || own == archive_name::media) continue;
            ++report_.media;
            if (!named.contains(own)) wrong(fmt::format("{}: media.json does not name it", own));
            auto const hash = archive_.files().hash_of(name);
            if (!hash || media_name(to_hex(*hash)) != own) {
                wrong(fmt::format("{}: is not what its name says", own));
            }
        }
        return {};
    }

    void check_the_bag() {
        auto const bag = check_bag(archive_.files(), *archive_.bag());
        for (auto const& error : bag.errors) wrong("bag: " + error);
        for (auto const& warning : bag.warnings) report_.warnings.push_back("bag: " + warning);
    }

    PortableArchive const& archive_;
    VerifyOptions const& options_;
    ArchiveReport report_;
};

}  // namespace

Result<ArchiveReport> verify_archive(system::Path const& path, VerifyOptions options,
                                     std::stop_token stop) {
    options.open.keep_media = false;
    PD_TRY(auto const archive, PortableArchive::open(path, options.open, stop));
    return Verifier(archive, options).run(stop);
}

}  // namespace perdure::format
