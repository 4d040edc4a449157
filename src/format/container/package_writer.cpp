#include "format/container/package_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/codec.h"
#include "crypto/hash.h"
#include "format/container/container.h"
#include "format/container/names.h"
#include "format/file_names.h"
#include "format/record/json_text.h"
#include "format/record/json_writer.h"
#include "format/record/xml/media_sidecar.h"
#include "format/tally.h"
#include "format/text.h"

namespace perdure::format {

namespace {

constexpr char const* package_name = "package";
constexpr std::size_t state_max = 4 << 20, piece_bytes = 256 << 10;

using Open = Result<std::unique_ptr<OutputTree>> (*)(OutputTree&, std::string const&,
                                                     ContainerOptions);
using Resume = Result<std::unique_ptr<OutputTree>> (*)(OutputTree&, std::string const&,
                                                       ContainerOptions, ByteView);

/// A file of the container whose SHA-256 is taken as it is written.
class HashedFile {
public:
    Result<void> create(OutputTree& tree, std::string name, FileOptions options) {
        name_ = std::move(name);
        PD_TRY(out_, tree.create(name_, options));
        return {};
    }
    Result<void> write(ByteView bytes) {
        hash_.update(bytes);
        size_ += bytes.size();
        return out_->write(bytes);
    }
    Result<void> write(std::string_view text) { return write(as_bytes(text)); }
    std::uint64_t size_bytes() const { return size_; }
    std::string const& name() const { return name_; }
    /// Its SHA-256 in hexadecimal.
    Result<std::string> finish() {
        PD_CHECK(out_->finish());
        return to_hex(hash_.finish());
    }

private:
    std::string name_;
    std::unique_ptr<Output> out_;
    crypto::Sha256 hash_;
    std::uint64_t size_ = 0;
};

bool packs_well(std::string_view media_type) {
    return media_type.starts_with("text/") || media_type.ends_with("xml") ||
           media_type.ends_with("json") || media_type == "application/octet-stream" ||
           media_type == "image/bmp" || media_type == "audio/wav";
}

class PackageWriter : public RecordWriter {
public:
    PackageWriter(OutputTree& tree, Open open, Resume resume)
        : tree_(tree), open_(open), resume_(resume) {}

    Result<void> begin(ExportInfo const& info) override {
        info_ = info;
        PD_TRY(container_, open_(tree_, package_name, {.modified = info.as_of}));
        for (auto const& type : info.types) tally_.declare(type.type);
        return open_spools();
    }

    Result<void> add(data::Record const& record, MediaLibrary& media,
                     std::stop_token stop) override {
        PD_TRY(auto* spool, spool_of(record.type));
        line_.clear();
        if (spool->size_bytes() > 0) line_ = ",\n";
        records_.append(line_, record);
        PD_CHECK(spool->append(std::string_view(line_)));
        tally_.count(record.type);
        for (auto const& file : record.media) PD_CHECK(add_media(record, file, media, stop));
        return {};
    }

    Result<FormatSummary> finish(std::stop_token stop) override {
        for (auto const& type : info_.types) PD_CHECK(write_data(type, stop));
        PD_CHECK(write_media_index());
        PD_CHECK(write_text("README.txt", readme()));
        PD_CHECK(write_checksums());
        PD_CHECK(container_->finish());
        return tally_.take();
    }

    Result<std::optional<Bytes>> checkpoint() override {
        Encoder fresh;
        for (auto const hash : names_.take_fresh()) fresh.u64(hash);
        PD_CHECK(names_spool_->append(fresh.view()));
        PD_TRY(auto const container, container_->checkpoint());
        Encoder out;
        out.bytes(container);
        tally_.encode(out);
        return out.take();
    }

    Result<void> resume(ExportInfo const& info, ByteView state) override {
        info_ = info;
        Decoder in(state);
        PD_TRY(auto const container, in.bytes(state_max));
        PD_CHECK(tally_.decode(in));
        PD_CHECK(in.expect_end());
        PD_TRY(container_, resume_(tree_, package_name, {.modified = info.as_of}, container));
        PD_CHECK(open_spools());
        PD_CHECK(seen_->recall());
        Bytes hash(sizeof(std::uint64_t));
        for (std::uint64_t at = 0; at < names_spool_->size_bytes(); at += hash.size()) {
            PD_TRY(auto const got, names_spool_->read_at(hash, at));
            if (got != hash.size()) return fail(Fault::corrupt, "a broken list of names");
            Decoder one(hash);
            PD_TRY(auto const value, one.u64());
            names_.remember(value);
        }
        return {};
    }

private:
    Result<void> open_spools() {
        PD_TRY(names_spool_, tree_.spool("package/names"));
        PD_TRY(checksums_, tree_.spool("package/checksums"));
        PD_TRY(media_index_, tree_.spool("package/media"));
        PD_TRY(auto seen, tree_.spool("package/seen"));
        seen_ = std::make_unique<GivenNames>(std::move(seen));
        return {};
    }

    Result<Spool*> spool_of(std::string_view type) {
        if (type == type_) return data_.get();
        auto const found = std::ranges::find(info_.types, type, &data::RecordType::type);
        PD_ASSERT(found != info_.types.end());
        type_ = type;
        PD_TRY(data_, tree_.spool(fmt::format("package/data-{}", found - info_.types.begin())));
        return data_.get();
    }

    Result<void> add_media(data::Record const& record, data::MediaRef const& ref,
                           MediaLibrary& media, std::stop_token const& stop) {
        // That it is missing was reported by who found it so.
        if (!ref.present) return {};
        PD_TRY(bool const fresh, seen_->give(ref.path));
        if (!fresh) return {};
        auto opened = media.open(ref, stop);
        if (!opened) return omit(record, ref, opened.error());
        auto source = opened->content->open(stop);
        if (!source) return omit(record, ref, source.error());
        HashedFile out;
        auto const modified = opened->modified ? *opened->modified
                              : record.created ? *record.created
                                               : info_.as_of;
        PD_CHECK(out.create(*container_, media_name(record, *opened),
                            {.modified = modified,
                             .compressible = packs_well(opened->media_type),
                             .size_bytes = opened->size_bytes}));
        PD_CHECK(copy(record, ref, **source, opened->size_bytes, out));
        PD_TRY(auto const sha256, finished(out));
        ++tally_.summary().media;
        std::string sidecar;
        if (wants_sidecars(info_)) {
            PD_TRY(sidecar, write_sidecar(out.name(), record, ref, *opened, modified));
        }
        line_.clear();
        if (media_index_->size_bytes() > 0) line_ = ",\n";
        line_ += "{\"path\":";
        json_value(line_, std::string_view(ref.path));
        line_ += ",\"file\":";
        json_value(line_, std::string_view(out.name()));
        line_ +=
            fmt::format(",\"size\":{},\"sha256\":\"{}\",\"media_type\":", out.size_bytes(), sha256);
        json_value(line_, std::string_view(opened->media_type));
        line_ += fmt::format(",\"original\":{},\"type\":", opened->original);
        json_value(line_, record.type);
        line_ += ",\"record\":";
        json_value(line_, std::string_view(record.id));
        if (!sidecar.empty()) {
            line_ += ",\"sidecar\":";
            json_value(line_, std::string_view(sidecar));
        }
        line_ += '}';
        return media_index_->append(std::string_view(line_));
    }

    /// The name it got.
    Result<std::string> write_sidecar(std::string const& media, data::Record const& record,
                                      data::MediaRef const& ref, MediaFile const& file,
                                      Timestamp modified) {
        auto const slash = media.rfind('/');
        auto name = names_.unique(media.substr(0, slash), media.substr(slash + 1), ".xmp", "");
        auto const text = media_sidecar(record, ref, file, info_);
        HashedFile out;
        PD_CHECK(out.create(*container_, name, {.modified = modified, .size_bytes = text.size()}));
        PD_CHECK(out.write(std::string_view(text)));
        PD_CHECK(finished(out));
        return name;
    }

    Result<void> omit(data::Record const& record, data::MediaRef const& ref, Error const& error) {
        if (error.fault() == Fault::cancelled || error.fault() == Fault::exhausted) return error;
        tally_.omit(record, "", fmt::format("{}: {}", ref.path, error.message()));
        return {};
    }

    std::string media_name(data::Record const& record, MediaFile const& file) {
        auto const group = !record.collection.empty() ? record.collection
                           : !record.project.empty()  ? record.project
                                                      : record.type;
        auto const when = record.created ? record.created : file.taken;
        auto const day = when ? to_rfc3339(*when).substr(0, 10) : std::string();
        auto const folder = fmt::format("media/{}/{}", safe_file_name(repair_utf8(group)),
                                        day.empty() ? "undated" : day.substr(0, 4));
        system::Path const name(file.name);
        auto const stem =
            day.empty() ? name.stem().string() : fmt::format("{} {}", day, name.stem().string());
        return names_.unique(folder, stem, name.extension().string(), "");
    }

    /// Exactly as many bytes as were announced, since a tar has told them already; all, where
    /// nobody announced any.
    Result<void> copy(data::Record const& record, data::MediaRef const& ref, data::ByteSource& from,
                      std::uint64_t size, HashedFile& out) {
        Bytes piece(piece_bytes);
        std::uint64_t done = 0;
        while (true) {
            // One byte more than announced shows that there are more.
            auto const wanted =
                size == 0 ? piece.size() : std::min<std::uint64_t>(size - done + 1, piece.size());
            auto const got = from.read(ByteSpan(piece).first(wanted));
            if (!got) {
                tally_.omit(record, "",
                            fmt::format("{}: unreadable after byte {}", ref.path, done));
            }
            if (!got || *got == 0) break;
            auto const fits = size == 0 ? *got : std::min<std::uint64_t>(*got, size - done);
            PD_CHECK(out.write(ByteView(piece).first(fits)));
            done += fits;
            if (fits == *got) continue;
            tally_.omit(record, "",
                        fmt::format("{}: it grew meanwhile; what is behind byte {} is missing",
                                    ref.path, done));
            return {};
        }
        return size > done ? pad(record, ref, size - done, out) : Result<void>();
    }

    Result<void> pad(data::Record const& record, data::MediaRef const& ref, std::uint64_t left,
                     HashedFile& out) {
        tally_.omit(record, "",
                    fmt::format("{}: {} bytes short; zeros stand there", ref.path, left));
        Bytes const zeros(piece_bytes);
        while (left > 0) {
            auto const count = std::min<std::uint64_t>(left, zeros.size());
            PD_CHECK(out.write(ByteView(zeros).first(count)));
            left -= count;
        }
        return {};
    }

    /// Its checksum, remembered.
    Result<std::string> finished(HashedFile& file) {
        PD_TRY(auto sha256, file.finish());
        ++tally_.summary().files;
        tally_.summary().bytes += file.size_bytes();
        PD_CHECK(
            checksums_->append(std::string_view(fmt::format("{}  {}\n", sha256, file.name()))));
        return sha256;
    }

    static Result<void> copy_spool(Spool& spool, HashedFile& out, std::stop_token const& stop) {
        Bytes piece(piece_bytes);
        for (std::uint64_t at = 0; at < spool.size_bytes();) {
            if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
            PD_TRY(auto const got, spool.read_at(piece, at));
            if (got == 0) return fail(Fault::corrupt, "a spool is short");
            PD_CHECK(out.write(ByteView(piece).first(got)));
            at += got;
        }
        return {};
    }

    Result<void> write_data(data::RecordType const& type, std::stop_token const& stop) {
        PD_TRY(auto* spool, spool_of(type.type));
        HashedFile out;
        PD_CHECK(out.create(*container_, names_.unique("data", type.type, ".json", ""), {}));
        auto info = info_;
        info.types = {type};
        std::string text = "{\"perdure_export\":";
        json_header(text, info);
        text += ",\n\"records\":[\n";
        PD_CHECK(out.write(std::string_view(text)));
        PD_CHECK(copy_spool(*spool, out, stop));
        PD_CHECK(out.write(std::string_view(spool->size_bytes() > 0 ? "\n]}\n" : "]}\n")));
        PD_CHECK(finished(out));
        return {};
    }

    Result<void> write_media_index() {
        if (media_index_->size_bytes() == 0) return {};
        HashedFile out;
        PD_CHECK(out.create(*container_, "media/media.json", {}));
        PD_CHECK(out.write(std::string_view("[\n")));
        PD_CHECK(copy_spool(*media_index_, out, {}));
        PD_CHECK(out.write(std::string_view("\n]\n")));
        PD_CHECK(finished(out));
        return {};
    }

    Result<void> write_text(std::string const& name, std::string const& text) {
        HashedFile out;
        PD_CHECK(out.create(*container_, name, {.size_bytes = text.size()}));
        PD_CHECK(out.write(std::string_view(text)));
        PD_CHECK(finished(out));
        return {};
    }

    Result<void> write_checksums() {
        HashedFile out;
        PD_CHECK(
            out.create(*container_, "checksums.sha256", {.size_bytes = checksums_->size_bytes()}));
        PD_CHECK(copy_spool(*checksums_, out, {}));
        PD_CHECK(out.finish());
        ++tally_.summary().files;
        return {};
    }

    std::string readme() {
        auto const& summary = tally_.summary();
        auto text = fmt::format(
            "{}\n\nThe data of {} as it was on {}{}, written by {}.\n\n", info_.title, info_.source,
            to_rfc3339(info_.as_of),
            info_.snapshot.empty() ? std::string() : " (snapshot " + info_.snapshot + ")",
            info_.program);
        for (auto const& [type, count] : summary.per_type) {
            text += fmt::format("  {:>10}  records of type {}\n", count, type);
        }
        text += fmt::format("  {:>10}  media files\n\n", summary.media);
        for (auto const& line : info_.filter) text += "Only: " + line + "\n";
        text +=
            "data/TYPE.json       the records of a type, one a line; values that plain JSON "
            "cannot\n"
            "                     hold exactly are tagged, such as {\"$int64\": \"…\"}\n"
            "media/               the files of the records by collection, year and date\n"
            "media/media.json     which of them is which in the application\n"
            "checksums.sha256     sha256sum --check checksums.sha256 proves every file\n";
        if (summary.omissions_total == 0) return text;
        text += fmt::format("\nNot everything could leave: {} omissions, the first of them:\n",
                            summary.omissions_total);
        for (std::size_t i = 0; i < std::min<std::size_t>(summary.omissions.size(), 20); ++i) {
            auto const& omission = summary.omissions[i];
            text += repair_utf8(fmt::format("  {}: {}\n", omission.record, omission.what));
        }
        return text;
    }

    OutputTree& tree_;
    Open open_;
    Resume resume_;
    ExportInfo info_;
    std::unique_ptr<OutputTree> container_;
    std::unique_ptr<Spool> names_spool_, checksums_, media_index_, data_;
    std::unique_ptr<GivenNames> seen_;
    FileNames names_;
    JsonRecords records_;
    Tally tally_;
    std::string type_, line_;
};

}  // namespace

std::unique_ptr<RecordWriter> open_zip_package(OutputTree& tree) {
    return std::make_unique<PackageWriter>(tree, open_zip, resume_zip);
}

std::unique_ptr<RecordWriter> open_tar_package(OutputTree& tree) {
    return std::make_unique<PackageWriter>(tree, open_tar_gz, resume_tar_gz);
}

}  // namespace perdure::format
