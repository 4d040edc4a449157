#include "format/archive/bag/bag.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/utf8.h"
#include "crypto/checksum.h"
#include "format/archive/bag/bag_text.h"
#include "format/archive/unpack/entry_name.h"

namespace perdure::format {

namespace {

constexpr std::uint64_t tag_file_max = std::uint64_t{256} << 20;
constexpr std::string_view manifest_start = "manifest-", tag_start = "tagmanifest-";

class BagCheck {
public:
    BagCheck(FileSet const& files, std::string const& folder) : files_(files), folder_(folder) {
        for (auto const& [name, file] : files.files()) {
            if (name.starts_with(folder)) names_.insert(name.substr(folder.size()));
        }
    }

    BagReport run() {
        if (!read_declaration()) return std::move(report_);
        bool any = false;
        for (auto const& name : names_) {
            if (name.find('/') != name.npos || !name.ends_with(".txt")) continue;
            if (name.starts_with(manifest_start)) any = check_manifest(name, true) || any;
            if (name.starts_with(tag_start)) check_manifest(name, false);
        }
        if (!any) error("it has no payload manifest");
        check_payload();
        check_info();
        check_fetch();
        return std::move(report_);
    }

private:
    using Listed = std::map<std::string, std::string>;

    void error(std::string what) { report_.errors.push_back(std::move(what)); }
    void warn(std::string what) { report_.warnings.push_back(std::move(what)); }

    std::optional<std::string> text(std::string const& name) {
        auto const bytes = files_.read(folder_ + name, tag_file_max);
        if (!bytes) {
            error(bytes.error().message());
            return std::nullopt;
        }
        auto decoded = decode_tag_file(*bytes, name == "bagit.txt" ? "UTF-8" : encoding_);
        if (!decoded) {
            error(fmt::format("{}: {}", name, decoded.error().message()));
            return std::nullopt;
        }
        return std::move(*decoded);
    }

    /// bagit.txt is two lines, exactly (RFC 8493 §2.1.1).
    bool read_declaration() {
        if (!names_.contains("bagit.txt")) {
            error("bagit.txt is missing");
            return false;
        }
        auto const content = text("bagit.txt");
        if (!content) return false;
        auto const lines = bag_lines(*content);
        constexpr std::string_view first = "BagIt-Version: ";
        constexpr std::string_view second = "Tag-File-Character-Encoding: ";
        if (lines.size() != 2 || !lines[0].starts_with(first) || !lines[1].starts_with(second)) {
            error("bagit.txt is not the two lines it must be");
            return false;
        }
        report_.version = lines[0].substr(first.size());
        encoding_ = lines[1].substr(second.size());
        unsigned major = 0;
        auto const* const end = report_.version.data() + report_.version.size();
        auto const parsed = std::from_chars(report_.version.data(), end, major);
        auto const minor = std::from_chars(std::min(parsed.ptr + 1, end), end, minor_);
        if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != '.' ||
            minor.ec != std::errc() || minor.ptr != end) {
            error(fmt::format("\"{}\" is no version", report_.version));
            return false;
        }
        strict_ = major >= 1;
        if (major > 1 || (major == 1 && minor_ > 0) ||
            (major == 0 && (minor_ < 93 || minor_ > 97))) {
            error(fmt::format("BagIt {} is unknown", report_.version));
            return false;
        }
        return true;
    }

    /// True for a manifest that could be used.
    bool check_manifest(std::string const& name, bool payload) {
        auto const start = payload ? manifest_start : tag_start;
        auto const algorithm =
            folded_name(name.substr(start.size(), name.size() - start.size() - 4));
        if (auto const known = crypto::Checksum::open(algorithm); !known) {
            warn(fmt::format("{}: {}", name, known.error().message()));
            return false;
        }
        auto const content = text(name);
        if (!content) return false;
        Listed listed;
        for (auto const& line : bag_lines(*content)) read_line(name, line, payload, listed);
        for (auto const& [path, expected] : listed) check_file(path, expected, algorithm);
        if (payload) manifests_.emplace_back(name, std::move(listed));
        return true;
    }

    void read_line(std::string const& manifest, std::string_view line, bool payload,
                   Listed& listed) {
        auto const blank = line.find_first_of(" \t");
        if (blank == line.npos || blank == 0) {
            return error(fmt::format("{}: a line that is none", manifest));
        }
        auto const digest = folded_name(line.substr(0, blank));
        auto rest = line.substr(std::min(line.find_first_not_of(" \t", blank), line.size()));
        if (rest.starts_with('*')) {
            if (strict_ && minor_ == 0)
                warn(fmt::format("{}: lines as md5sum writes them", manifest));
            else
                warn(fmt::format("{}: lines as md5sum writes them", manifest));
            rest.remove_prefix(1);
        }
        if (rest.starts_with("./"))
            warn(fmt::format("{}: \"{}\" is a relative path", manifest, rest));
        auto const path = checked_name(decode_bag_path(rest));
        if (!path || path->empty() || rest.starts_with('~') || rest.find("%HOME") != rest.npos ||
            (payload && !path->starts_with("data/"))) {
            return error(fmt::format("{}: \"{}\" leads out of the bag", manifest, rest));
        }
        auto const [found, fresh] = listed.emplace(*path, digest);
        if (!fresh && found->second != digest) {
            error(fmt::format("{}: \"{}\" has two checksums", manifest, *path));
        } else if (!fresh && strict_) {
            error(fmt::format("{}: \"{}\" is listed twice", manifest, *path));
        } else if (!fresh) {
            warn(fmt::format("{}: \"{}\" is listed twice", manifest, *path));
        }
    }

    /// The file of that name, or of the same name in another normalisation.
    std::optional<std::string> find(std::string const& path) {
        if (names_.contains(path)) return path;
        auto const folded = normal_name(path);
        for (auto const& name : names_) {
            if (normal_name(name) == folded) return name;
        }
        return std::nullopt;
    }

    void check_file(std::string const& path, std::string const& expected,
                    std::string const& algorithm) {
        auto const name = find(path);
        if (!name) return error(fmt::format("\"{}\" is missing", path));
        auto const actual = digest_of(*name, algorithm);
        if (!actual) return error(actual.error().message());
        if (*actual != expected) error(fmt::format("\"{}\" does not fit its checksum", path));
    }

    Result<std::string> digest_of(std::string const& name, std::string const& algorithm) {
        if (algorithm == "sha256") {
            PD_TRY(auto const hash, files_.hash_of(folder_ + name));
            return to_hex(hash);
        }
        PD_TRY(auto file, files_.open_file(folder_ + name));
        PD_TRY(auto sum, crypto::Checksum::open(algorithm));
        Bytes part(256 << 10);
        while (true) {
            PD_TRY(auto const count, file.read(part));
            if (count == 0) return sum.finish();
            sum.update(ByteView(part).first(count));
        }
    }

    /// Every payload file is in every manifest (in one of them, before 1.0).
    void check_payload() {
        std::set<std::string> everywhere;
        for (auto const& [manifest, listed] : manifests_) {
            for (auto const& [path, digest] : listed) everywhere.insert(normal_name(path));
        }
        std::map<std::string, std::string> folded;
        for (auto const& name : names_) {
            if (!name.starts_with("data/")) continue;
            ++report_.payload_files;
            if (!everywhere.contains(normal_name(name))) {
                error(fmt::format("\"{}\" is in no manifest", name));
            }
            note_special(name);
        }
        for (auto const& [manifest, listed] : manifests_) check_complete(manifest, listed);
    }

    void check_complete(std::string const& manifest, Listed const& listed) {
        std::map<std::string, std::string> folded;
        for (auto const& [path, digest] : listed) {
            auto const [found, fresh] = folded.emplace(folded_name(path), path);
            if (!fresh) {
                warn(fmt::format("\"{}\" and \"{}\" are one file on some systems", found->second,
                                 path));
            }
        }
        if (!strict_) return;
        for (auto const& name : names_) {
            if (name.starts_with("data/") && !listed.contains(name)) {
                error(fmt::format("{} does not list \"{}\"", manifest, name));
            }
        }
    }

    void note_special(std::string const& name) {
        auto const base = name.substr(name.rfind('/') + 1);
        if (base == ".DS_Store" || base == "Thumbs.db" || base == "desktop.ini" ||
            base.starts_with("._") || base == ".Spotlight-V100" || base == ".Trashes") {
            warn(fmt::format("\"{}\" was made by a system, not by a person", name));
        }
    }

    void check_info() {
        if (!names_.contains("bag-info.txt")) return;
        auto const content = text("bag-info.txt");
        if (!content) return;
        for (auto const& line : bag_lines(*content)) {
            bool const continued = line.starts_with(' ') || line.starts_with('\t');
            if (line.find(':') == line.npos && !continued) {
                return error("bag-info.txt: a line without a colon");
            }
            if (folded_name(line).starts_with("payload-oxum:")) check_oxum(line.substr(13));
        }
    }

    void check_oxum(std::string_view value) {
        auto const start = value.find_first_not_of(" \t");
        if (start == value.npos) return error("Payload-Oxum is empty");
        std::uint64_t bytes = 0, files = 0;
        for (auto const& [name, file] : files_.files()) {
            if (!name.starts_with(folder_ + "data/")) continue;
            bytes += file.bytes;
            ++files;
        }
        if (value.substr(start) != fmt::format("{}.{}", bytes, files)) {
            error(fmt::format("Payload-Oxum says{}, there are {}.{}", value, bytes, files));
        }
    }

    void check_fetch() {
        if (!names_.contains("fetch.txt")) return;
        auto const content = text("fetch.txt");
        if (!content) return;
        for (std::string_view line : bag_lines(*content)) {
            // URL, length, path
            std::string_view parts[2];
            for (auto& part : parts) {
                auto const blank = line.find_first_of(" \t");
                if (blank == line.npos) return error("fetch.txt: a line that is none");
                part = line.substr(0, blank);
                line = line.substr(std::min(line.find_first_not_of(" \t", blank), line.size()));
            }
            auto const path = checked_name(decode_bag_path(line));
            if (!path || !path->starts_with("data/") || line.starts_with('~')) {
                error(fmt::format("fetch.txt: \"{}\" leads out of the bag", line));
            }
        }
    }

    FileSet const& files_;
    std::string folder_, encoding_ = "UTF-8";
    std::set<std::string> names_;
    std::vector<std::pair<std::string, Listed>> manifests_;
    BagReport report_;
    bool strict_ = false;  ///< 1.0 says must where older versions did not
    unsigned minor_ = 0;
};

}  // namespace

BagReport check_bag(FileSet const& files, std::string const& folder) {
    return BagCheck(files, folder).run();
}

}  // namespace perdure::format
