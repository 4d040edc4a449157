#include "job/export_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/codec.h"
#include "base/nearest_word.h"
#include "format/disk_tree.h"
#include "format/readers.h"
#include "job/export/journal.h"
#include "job/export/media_room.h"
#include "job/export/output_place.h"
#include "job/export/selection.h"
#include "job/export/source_view.h"
#include "job/source_options.h"
#include "origin/records/record_source.h"

namespace perdure::job {

namespace {

constexpr std::size_t problems_kept = 1000;

Result<void> check_options(format::FormatKind const& kind, ExportRequest const& request) {
    std::vector<std::string> known;
    for (std::string_view rest = format::format_reader(kind.name).options; !rest.empty();) {
        auto const word = rest.substr(0, rest.find(' '));
        if (!word.empty()) known.emplace_back(word);
        rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    }
    for (auto const& [name, value] : request.options) {
        if (std::ranges::find(known, name) != known.end()) continue;
        auto const near = nearest_word(name, known);
        return fail(Fault::invalid, fmt::format("{} has no option \"{}\"", kind.name, name))
            .with_code(2)
            .with_fix(!near.empty()   ? fmt::format("did you mean \"{}\"?", near)
                      : known.empty() ? "leave it out: this format has none"
                                      : fmt::format("it has: {}", fmt::join(known, ", ")));
    }
    return {};
}

/// Everything that decides about the bytes, but for the data.
crypto::Digest request_digest(ExportRequest const& request) {
    Encoder out;
    auto const list = [&](std::vector<std::string> const& words) {
        out.varint(words.size());
        for (auto const& word : words) out.text(word);
    };
    auto const pairs = [&](std::map<std::string, std::string> const& words) {
        out.varint(words.size());
        for (auto const& [name, value] : words) {
            out.text(name);
            out.text(value);
        }
    };
    out.text(PERDURE_VERSION);
    out.text(request.format);
    pairs(request.options);
    out.text(request.title);
    out.text(request.source.name);
    out.text(request.source.path.string());
    out.text(request.source.media.string());
    pairs(remembered_options(request.source));
    list(request.filter.describe());
    list(request.fields);
    list(request.redact);
    out.u8(request.order ? static_cast<std::uint8_t>(*request.order) : 0xff);
    out.u8(request.unmapped_tables ? 1 : 0);
    list(media_words(request.media));
    out.varint(request.parcel.part_bytes);
    out.u8(request.parcel.seal.passphrase ? 1 : 0);
    for (auto const& key : request.parcel.seal.recipients) out.raw(key.view());
    return crypto::sha256(out.view());
}

format::ExportInfo describe(ExportRequest const& request, ExportJournal const& journal,
                            std::vector<data::RecordType> types) {
    format::ExportInfo info;
    info.title = request.title.empty() ? request.source.name : request.title;
    info.source = request.source.name;
    info.location = request.source.path.string();
    info.snapshot = request.snapshot ? request.snapshot->id() : "";
    info.as_of = journal.as_of;
    info.exported = journal.exported;
    std::erase_if(types, [&](data::RecordType const& type) {
        auto const& wanted = request.filter.types;
        return !wanted.empty() && std::ranges::find(wanted, type.type) == wanted.end();
    });
    info.types = std::move(types);
    info.filter = request.filter.describe();
    if (!request.fields.empty()) {
        info.filter.push_back(fmt::format("fields: {}", fmt::join(request.fields, ", ")));
    }
    if (!request.redact.empty()) {
        info.filter.push_back(fmt::format("redacted: {}", fmt::join(request.redact, ", ")));
    }
    auto const media = media_words(request.media);
    info.filter.insert(info.filter.end(), media.begin(), media.end());
    info.options = request.options;
    info.program = "perdure " PERDURE_VERSION;
    return info;
}

/// When to make a checkpoint: by records for tests, else every two seconds, and never more often
/// than makes up a twentieth of the time.
class Pace {
public:
    explicit Pace(std::uint64_t records) : records_(records) {}
    bool due(std::uint64_t records_read) {
        if (records_ > 0) return records_read % records_ == 0;
        if (records_read % 64 != 0) return false;
        return Clock::now() >= next_;
    }
    void made(std::chrono::steady_clock::time_point began) {
        auto const cost = Clock::now() - began;
        next_ = Clock::now() + std::max<Clock::duration>(interval, 20 * cost);
    }

private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::seconds interval{2};
    std::uint64_t records_;
    Clock::time_point next_ = Clock::now() + interval;
};

/// One export from its request to its output.
class Export {
public:
    Export(repository::Repository* repository, ExportRequest const& request,
           format::FormatKind const& kind)
        : repository_(repository),
          request_(request),
          kind_(kind),
          work_(format::work_folder(request.output)),
          pace_(request.checkpoint_records) {}

    Result<ExportReport> run(std::stop_token stop) {
        PD_TRY(auto const lock, WorkLock::take(work_));
        auto done = prepare();
        if (done) done = carry_out(stop);
        if (!done && resuming_ && may_start_again(done.error())) {
            report_ = {.restarted = "what was there is damaged: " + done.error().message()};
            done = start_anew();
            if (done) done = carry_out(stop);
        }
        if (!done) return given_up(std::move(done).error());
        PD_CHECK(system::remove_tree(work_));
        return std::move(report_);
    }

private:
    static bool may_start_again(Error const& error) {
        return error.fault() == Fault::corrupt || error.fault() == Fault::unsupported ||
               error.fault() == Fault::not_found;
    }

    /// Decides whether what lies in the work folder can be gone on with.
    Result<void> prepare() {
        PD_TRY(auto const data, data_identity(request_));
        auto found = read_journal(work_);
        if (!found) {
            bool const none = found.error().fault() == Fault::not_found;
            if (!none) report_.restarted = found.error().message();
        } else if (found->request != request_digest(request_)) {
            report_.restarted = "something else is asked for now";
        } else if (found->data != data) {
            report_.restarted = "the data changed since";
        } else {
            journal_ = std::move(*found);
            resuming_ = true;
            if (journal_.checkpoint) return {};
        }
        return resuming_ ? Result<void>() : start_anew();
    }

    Result<void> start_anew() {
        resuming_ = false;
        for (auto const* name : {"journal", "source", "source.part"}) {
            PD_CHECK(system::remove_tree(work_ / name));
        }
        PD_TRY(auto const data, data_identity(request_));
        journal_ = {.request = request_digest(request_),
                    .data = data,
                    .words = request_.words,
                    .exported = request_.now,
                    .as_of = request_.snapshot ? request_.snapshot->started : request_.now};
        return {};
    }

    Result<void> open_place() {
        std::uint64_t expected = 0;
        if (request_.snapshot) {
            for (auto const& source : request_.snapshot->sources) {
                if (source.name == request_.source.name) expected = source.bytes_total;
            }
        } else {
            std::error_code ignored;
            expected = std::filesystem::file_size(request_.source.path, ignored);
        }
        PlaceRequest const wanted{.kind = &kind_,
                                  .output = request_.output,
                                  .parcel = &request_.parcel,
                                  .replace = request_.replace,
                                  .modified = journal_.as_of,
                                  .expected_bytes = expected};
        if (journal_.checkpoint) {
            PD_TRY(place_, OutputPlace::resume(wanted, *journal_.checkpoint));
        } else {
            PD_TRY(place_, OutputPlace::open(wanted));
        }
        return {};
    }

    Result<void> open_reader(std::stop_token stop) {
        PD_TRY(auto view, view_source(repository_, request_, work_, stop));
        keep_problems(std::move(view.problems));
        PD_TRY(reader_, origin::open_records(view.source,
                                             {.types = {},
                                              .unmapped_tables = request_.unmapped_tables,
                                              .order = request_.order.value_or(kind_.order),
                                              .follow_people = !request_.filter.subjects.empty()},
                                             stop));
        // The reader has its own lasting view since its first look; was that what we think it is?
        PD_TRY(auto const now, data_identity(request_));
        if (now != journal_.data) {
            if (journal_.checkpoint) {
                return fail(Fault::corrupt, "the data changed just now");
            }
            journal_.data = "changed while it was opened";  // of no use to a resume
        }
        if (reader_->types().empty()) {
            return fail(Fault::invalid,
                        fmt::format("no record types are mapped for \"{}\"", request_.source.name))
                .with_fix("add [source.NAME.records.TYPE], or export --all-tables");
        }
        return check_filter(request_.filter, reader_->types(), request_.source.mapping.subjects);
    }

    Result<void> carry_out(std::stop_token stop) {
        PD_CHECK(open_place());
        PD_CHECK(open_reader(stop));
        PD_TRY(auto selection,
               FieldSelection::create(reader_->types(), request_.fields, request_.redact,
                                      request_.source.mapping.subjects));
        selection_ = std::move(selection);
        auto const info = describe(request_, journal_, selection_.types());
        writer_ = kind_.open(place_.tree());
        if (journal_.checkpoint) {
            PD_CHECK(go_on(info, stop));
        } else {
            PD_CHECK(writer_->begin(info));
            PD_CHECK(write_journal(work_, journal_));
        }
        media_ = open_media_room(request_.media, *reader_);
        PD_CHECK(copy(stop));
        return finish(stop);
    }

    Result<void> go_on(format::ExportInfo const& info, std::stop_token stop) {
        auto const& at = *journal_.checkpoint;
        PD_CHECK(writer_->resume(info, at.writer));
        for (std::uint64_t passed = 0; passed < at.records_read; ++passed) {
            PD_TRY(auto const* record, reader_->next(stop));
            if (!record) return fail(Fault::corrupt, "the source has fewer records");
        }
        static_cast<void>(reader_->take_problems());  // the journal has them
        report_.records_read = at.records_read;
        report_.records_taken = report_.resumed_at = at.records_taken;
        return {};
    }

    Result<void> copy(std::stop_token stop) {
        while (true) {
            if (stop.stop_requested()) {
                static_cast<void>(checkpoint());
                return fail(Fault::cancelled, "stopped");
            }
            PD_TRY(auto const* record, reader_->next(stop));
            if (!record) return {};
            ++report_.records_read;
            if (request_.progress.report && report_.records_read % 1024 == 0) {
                request_.progress.report(report_.records_read, 0, record->type);
            }
            if (request_.filter.matches(*record)) {
                ++report_.records_taken;
                PD_CHECK(writer_->add(*media_->prepare(selection_.apply(record)), *media_, stop));
            }
            if (pace_.due(report_.records_read)) PD_CHECK(checkpoint());
        }
    }

    /// Between two records. A format that cannot be gone on with just has none.
    Result<void> checkpoint() {
        if (journal_.data.starts_with("changed")) return {};
        auto const began = std::chrono::steady_clock::now();
        PD_TRY(auto state, writer_->checkpoint());
        if (!state) return {};
        ExportCheckpoint at{.records_read = report_.records_read,
                            .records_taken = report_.records_taken,
                            .writer = std::move(*state)};
        PD_CHECK(place_.checkpoint(at));
        journal_.checkpoint = std::move(at);
        keep_problems(reader_->take_problems());
        PD_CHECK(write_journal(work_, journal_));
        pace_.made(began);
        return {};
    }

    Result<void> finish(std::stop_token stop) {
        PD_TRY(report_.summary, writer_->finish(stop));
        if (report_.summary.records != report_.records_taken) {
            return miscounted("records went in", report_.records_taken, report_.summary.records);
        }
        PD_CHECK(place_.seal());
        auto const content = content_name(request_.output, request_.parcel);
        PD_TRY(report_.proof, prove_output(place_.sealed(), kind_, content, stop));
        if (report_.proof.records && *report_.proof.records != report_.records_taken) {
            return miscounted("records were written", report_.records_taken,
                              *report_.proof.records);
        }
        if (!request_.parcel.empty()) {
            PD_CHECK(place_.pack(stop));
            auto const records = report_.proof.records;
            PD_TRY(report_.proof, digest_output(place_.packed(), stop));
            report_.proof.records = records;
        }
        PD_CHECK(place_.deliver());
        keep_problems(reader_->take_problems());
        report_.problems = std::move(journal_.problems);
        report_.as_of = journal_.as_of;
        report_.exported = journal_.exported;
        report_.snapshot = request_.snapshot ? request_.snapshot->id() : "";
        writer_.reset();
        return {};
    }

    static Error miscounted(std::string_view what, std::uint64_t in, std::uint64_t out) {
        return fail(Fault::internal, fmt::format("{} {}, {} came out", in, what, out));
    }

    void keep_problems(std::vector<data::Problem> found) {
        auto& kept = journal_.problems;
        for (auto& problem : found) {
            if (kept.size() >= problems_kept) continue;
            kept.push_back(std::move(problem));
            if (kept.size() + 1 < problems_kept) continue;
            kept.push_back({"…", "there are more; only so many are listed"});
        }
    }

    /// What can be gone on with stays for the next process; the rest is taken away.
    Error given_up(Error error) {
        writer_.reset();
        place_ = {};
        bool const later = error.fault() == Fault::cancelled || error.fault() == Fault::exhausted ||
                           error.fault() == Fault::unavailable;
        if (later && journal_.checkpoint) {
            if (error.fault() == Fault::cancelled) return error;
            return std::move(error).with_fix(fmt::format(
                "mend that and repeat the command: it goes on after record {}; or remove {}",
                journal_.checkpoint->records_read, work_.string()));
        }
        static_cast<void>(system::remove_tree(work_));
        return error;
    }

    repository::Repository* repository_;
    ExportRequest const& request_;
    format::FormatKind const& kind_;
    system::Path work_;
    Pace pace_;
    ExportJournal journal_;
    bool resuming_ = false;
    std::unique_ptr<data::RecordReader> reader_;
    FieldSelection selection_;
    std::unique_ptr<MediaRoom> media_;
    // In this order: the writer writes to the place until it is gone.
    OutputPlace place_;
    std::unique_ptr<format::RecordWriter> writer_;
    ExportReport report_;
};

}  // namespace

Result<ExportReport> export_records(repository::Repository* repository,
                                    ExportRequest const& request, std::stop_token stop) {
    PD_TRY(auto const* kind, format::find_format(request.format));
    PD_CHECK(check_options(*kind, request));
    PD_TRY(auto const wrapping, wrapping_of(*kind, content_name(request.output, request.parcel)));
    if (wrapping == Wrapping::folder && !request.parcel.empty()) {
        return fail(Fault::invalid, fmt::format("{} is a folder here: it cannot be encrypted or "
                                                "cut into parts",
                                                kind->name))
            .with_code(2)
            .with_fix("name one file: -o X.zip or X.tar.gz");
    }
    return Export(repository, request, *kind).run(std::move(stop));
}

Result<std::vector<std::string>> words_of_unfinished(system::Path const& output) {
    PD_TRY(auto journal, read_journal(format::work_folder(output)));
    return std::move(journal.words);
}

}  // namespace perdure::job
