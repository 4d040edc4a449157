#include "job/export/parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/record/json_text.h"
#include "format/record/json_tree.h"
#include "job/export/parcel.h"

namespace perdure::job {

namespace {

void member(std::string& out, std::string_view name, std::string_view value) {
    if (out.back() != '{') out += ',';
    format::json_key(out, name);
    format::json_value(out, value);
}

void member(std::string& out, std::string_view name, std::uint64_t value) {
    if (out.back() != '{') out += ',';
    format::json_key(out, name);
    format::json_value(out, static_cast<std::int64_t>(value));
}

/// In single quotes, for a shell.
std::string quoted(std::string const& name) {
    std::string out = "'";
    for (char const c : name) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

class Parts : public format::Output {
public:
    Parts(format::OutputTree& tree, PartsRequest request, std::size_t digits)
        : tree_(tree), request_(std::move(request)), digits_(digits) {
        list_.name = request_.name;
    }

    Result<void> write(ByteView bytes) override {
        while (!bytes.empty()) {
            if (!out_) PD_CHECK(begin());
            auto const room = request_.part_bytes - list_.parts.back().bytes;
            auto const piece = bytes.first(std::min<std::uint64_t>(bytes.size(), room));
            PD_CHECK(out_->write(piece));
            hash_.update(piece);
            whole_.update(piece);
            list_.parts.back().bytes += piece.size();
            list_.bytes += piece.size();
            bytes = bytes.subspan(piece.size());
            if (list_.parts.back().bytes == request_.part_bytes) PD_CHECK(end());
        }
        return {};
    }

    Result<void> finish() override {
        if (list_.parts.empty()) PD_CHECK(begin());
        if (out_) PD_CHECK(end());
        list_.sha256 = to_hex(whole_.finish());
        PD_CHECK(put("parts.sha256", list_.checksums()));
        PD_CHECK(put("parts.json", list_.json()));
        return put("JOIN.txt", list_.instructions());
    }

private:
    Result<void> begin() {
        if (list_.parts.size() == parts_max) {
            return fail(Fault::invalid, fmt::format("more than {} parts", parts_max))
                .with_fix("take larger ones");
        }
        auto name = fmt::format("{}.{:0{}}", request_.name, list_.parts.size() + 1, digits_);
        PD_TRY(out_, tree_.create(name, {.compressible = false}));
        list_.parts.push_back({.name = std::move(name)});
        return {};
    }

    Result<void> end() {
        PD_CHECK(out_->finish());
        out_.reset();
        list_.parts.back().sha256 = to_hex(hash_.finish());
        return {};
    }

    Result<void> put(std::string const& name, std::string const& text) {
        PD_TRY(auto const out, tree_.create(name, {.size_bytes = text.size()}));
        PD_CHECK(out->write(std::string_view(text)));
        return out->finish();
    }

    format::OutputTree& tree_;
    PartsRequest request_;
    std::size_t digits_;
    std::unique_ptr<format::Output> out_;
    crypto::Sha256 hash_, whole_;
    PartList list_;
};

Result<void> check_part_name(std::string const& name) {
    bool const plain = !name.empty() && name != "." && name != ".." &&
                       name.find_first_of(std::string_view("/\0\n\r", 4)) == name.npos;
    if (plain) return {};
    return fail(Fault::invalid, "parts.json names a file that lies elsewhere");
}

}  // namespace

std::string PartList::json() const {
    std::string out = "{";
    member(out, "version", 1);
    member(out, "name", name);
    member(out, "bytes", bytes);
    member(out, "sha256", sha256);
    out += ",\"parts\":[\n";
    for (auto const& part : parts) {
        if (&part != &parts.front()) out += ",\n";
        std::string line = "{";
        member(line, "name", part.name);
        member(line, "bytes", part.bytes);
        member(line, "sha256", part.sha256);
        out += line + '}';
    }
    return out + "\n]}\n";
}

Result<PartList> PartList::parse(std::string_view json) {
    PD_TRY(auto const root, format::read_json(json));
    auto const bad = [] { return fail(Fault::invalid, "parts.json is no list of parts"); };
    auto const version = root.count("version"), bytes = root.count("bytes");
    auto const* const items = root.find("parts") ? root.find("parts")->array() : nullptr;
    if (!version || !bytes || !items || items->empty() || items->size() > parts_max) return bad();
    if (*version != 1) {
        return fail(Fault::unsupported, "parts.json is of a newer version of perdure");
    }
    PartList list{.name = root.text("name"), .bytes = *bytes, .sha256 = root.text("sha256")};
    PD_CHECK(check_part_name(list.name));
    for (auto const& item : *items) {
        auto const size = item.count("bytes");
        if (!size) return bad();
        list.parts.push_back({item.text("name"), *size, item.text("sha256")});
        auto const& part = list.parts.back().name;
        PD_CHECK(check_part_name(part));
        if (!part.starts_with(list.name + ".")) return bad();
    }
    return list;
}

std::string PartList::checksums() const {
    std::string out;
    for (auto const& part : parts) {
        // As sha256sum spells a name that holds a backslash.
        bool const escaped = part.name.find('\\') != part.name.npos;
        std::string spelt;
        for (char const c : part.name) spelt += c == '\\' ? std::string("\\\\") : std::string(1, c);
        out += fmt::format("{}{}  {}\n", escaped ? "\\" : "", part.sha256, spelt);
    }
    return out;
}

std::string PartList::instructions() const {
    auto const& first = parts.front().name;
    std::string const marks(first.size() - name.size() - 1, '?');
    auto text = fmt::format(
        "{0} in {1}, {2} bytes together.\n\n"
        "The parts are the file itself, cut: put one behind the other and it is whole again.\n\n"
        "Linux, macOS, in this folder:\n"
        "    sha256sum --check parts.sha256        (macOS: shasum -a 256 -c parts.sha256)\n"
        "    cat {3}.{4} > {3}\n"
        "Windows, in this folder:\n"
        "    copy /b \"{0}.{4}\" \"{0}\"\n"
        "or open {5} with 7-Zip.\n\n"
        "The whole has SHA-256 {6}:\n"
        "    sha256sum {3}\n",
        name, parts.size() == 1 ? "1 part" : fmt::format("{} parts", parts.size()), bytes,
        quoted(name), marks, first, sha256);
    if (!name.ends_with(".age")) return text;
    auto const inside = name.substr(0, name.size() - 4);
    return text + fmt::format(
                      "\nIt is encrypted. With the key, or the passphrase, and the program age\n"
                      "(https://age-encryption.org):\n"
                      "    age --decrypt -i KEYFILE -o {0} {1}\n"
                      "    age --decrypt -o {0} {1}              (asks for the passphrase)\n",
                      quoted(inside), quoted(name));
}

Result<std::unique_ptr<format::Output>> open_parts(format::OutputTree& tree, PartsRequest request) {
    PD_ASSERT(request.part_bytes > 0);
    auto const count = request.bytes_most / request.part_bytes + 1;
    if (count > parts_max) {
        return fail(Fault::invalid,
                    fmt::format("it would be {} parts, {} at most", count, parts_max))
            .with_fix(fmt::format("take parts of {} bytes or more",
                                  request.bytes_most / (parts_max - 1) + 1));
    }
    return std::make_unique<Parts>(tree, std::move(request), count > 999 ? 4 : 3);
}

}  // namespace perdure::job
