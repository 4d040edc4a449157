#include "job/export_records.h"

#include <fmt/format.h>

#include <algorithm>

#include "job/restore.h"
#include "origin/records/record_source.h"

namespace perdure::job {

namespace {

/// The database to read: live, or brought back from a snapshot for as long as the export runs.
struct Reading {
    origin::SourceOptions source;
    std::optional<system::ScratchFolder> scratch;
    Timestamp as_of;
    std::vector<data::Problem> problems;
};

Result<Reading> bring_back(repository::Repository* repository, ExportRequest const& request,
                           std::stop_token stop) {
    Reading reading{.source = request.source};
    if (!request.snapshot) {
        reading.as_of = to_timestamp(std::chrono::system_clock::now());
        return reading;
    }
    PD_ASSERT(repository != nullptr);
    PD_TRY(auto scratch, system::ScratchFolder::create(request.scratch_parent));
    PD_TRY(auto restored, restore(*repository,
                                  {.snapshot = *request.snapshot,
                                   .select = {request.source.name},
                                   .folder = scratch.path(),
                                   .owners = false,
                                   .progress = request.progress},
                                  stop));
    auto const found = std::ranges::find(request.snapshot->sources, request.source.name,
                                         &repository::SourceSnapshot::name);
    PD_ASSERT(found != request.snapshot->sources.end());
    auto back = origin::relocated(source_options(*found), scratch.path() / request.source.name);
    reading.source.path = back.path;
    reading.source.media = back.media;
    reading.scratch = std::move(scratch);
    reading.as_of = request.snapshot->started;
    reading.problems = std::move(restored.problems);
    return reading;
}

format::ExportInfo describe(ExportRequest const& request, Reading const& reading,
                            std::vector<data::RecordType> types) {
    format::ExportInfo info;
    info.title = request.title.empty() ? request.source.name : request.title;
    info.source = request.source.name;
    info.location = request.source.path.string();
    info.snapshot = request.snapshot ? request.snapshot->id() : "";
    info.as_of = reading.as_of;
    info.exported = to_timestamp(std::chrono::system_clock::now());
    std::erase_if(types, [&](data::RecordType const& type) {
        auto const& wanted = request.filter.types;
        return !wanted.empty() && std::ranges::find(wanted, type.type) == wanted.end();
    });
    info.types = std::move(types);
    info.filter = request.filter.describe();
    info.options = request.options;
    info.program = "perdure " PERDURE_VERSION;
    return info;
}

Result<void> check_types(ExportRequest const& request, std::vector<data::RecordType> const& types) {
    for (auto const& wanted : request.filter.types) {
        if (std::ranges::find(types, wanted, &data::RecordType::type) != types.end()) continue;
        std::string known;
        for (auto const& type : types) known += (known.empty() ? "" : ", ") + type.type;
        return fail(Fault::invalid, fmt::format("the source has no record type \"{}\"", wanted))
            .with_fix(fmt::format("it has: {}", known));
    }
    if (request.filter.where) return request.filter.where->check(types);
    return {};
}

Result<std::unique_ptr<format::OutputTree>> open_output(format::FormatKind const& kind,
                                                        ExportRequest const& request) {
    // A format of several files may still be asked for as its one file: "-o people.csv".
    bool const one_file =
        kind.single_file || request.output.extension() == "." + std::string(kind.extension);
    if (one_file) return format::open_single_file(request.output, request.replace);
    return format::open_folder(request.output);
}

/// The application's own files, as they are.
class Originals : public format::MediaLibrary {
public:
    explicit Originals(data::RecordReader& reader) : reader_(reader) {}
    Result<format::MediaFile> open(data::MediaRef const& media, std::stop_token) override {
        if (!media.present) return fail(Fault::not_found, media.path + " is missing");
        format::MediaFile file;
        file.name = system::Path(media.path).filename().string();
        file.media_type = "application/octet-stream";
        file.size_bytes = media.size;
        file.content = reader_.open_media(media.path);
        return file;
    }
    Result<format::Preview> preview(data::MediaRef const& media, unsigned,
                                    std::stop_token) override {
        return fail(Fault::unsupported, media.path + ": no previews yet");
    }

private:
    data::RecordReader& reader_;
};

Result<void> copy_records(data::RecordReader& reader, format::RecordWriter& writer,
                          ExportRequest const& request, ExportReport& report,
                          std::stop_token stop) {
    Originals media(reader);
    while (true) {
        PD_TRY(auto const* record, reader.next(stop));
        if (!record) return {};
        ++report.records_read;
        if (request.progress.report && report.records_read % 1024 == 0) {
            request.progress.report(report.records_read, 0, record->type);
        }
        if (!request.filter.matches(*record)) continue;
        ++report.records_taken;
        PD_CHECK(writer.add(*record, media, stop));
    }
}

}  // namespace

Result<ExportReport> export_records(repository::Repository* repository,
                                    ExportRequest const& request, std::stop_token stop) {
    PD_TRY(auto const* kind, format::find_format(request.format));
    PD_TRY(auto tree, open_output(*kind, request));
    PD_TRY(auto reading, bring_back(repository, request, stop));
    PD_TRY(auto reader, origin::open_records(reading.source,
                                             {.unmapped_tables = request.unmapped_tables}, stop));
    if (reader->types().empty()) {
        return fail(Fault::invalid,
                    fmt::format("no record types are mapped for \"{}\"", request.source.name))
            .with_fix("add [source.NAME.records.TYPE], or export all tables");
    }
    PD_CHECK(check_types(request, reader->types()));
    ExportReport report{.as_of = reading.as_of};
    auto writer = kind->open(*tree);
    PD_CHECK(writer->begin(describe(request, reading, reader->types())));
    PD_CHECK(copy_records(*reader, *writer, request, report, stop));
    PD_TRY(report.summary, writer->finish(stop));
    if (report.summary.records != report.records_taken) {
        return fail(Fault::internal, fmt::format("{} records went in, {} came out",
                                                 report.records_taken, report.summary.records));
    }
    PD_CHECK(tree->finish());
    report.problems = reader->take_problems();
    report.problems.insert(report.problems.end(), reading.problems.begin(), reading.problems.end());
    return report;
}

}  // namespace perdure::job
