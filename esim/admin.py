"""The stock of SIMs and its settings, and the profiles with their calls and progress."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path

from accounts.admin.staff import staff_of
from esim.domain import progress, provisioning, ranges
from esim.domain.importing import import_sims
from esim.domain.stock import with_free_count
from esim.forms import IccidRangeForm, ImportForm, SourceForm
from esim.models import (
    DownloadProgress,
    Es2Call,
    IccidRange,
    PoolLevel,
    Profile,
    Sim,
    SmdpProvider,
    Source,
)
from moportal.text.csv_files import Fault, UnreadableHeader
from moportal.web.desk import NeedsStaffFilter, ReadOnly, ReadOnlyInline

# Lines in error that the page shows.
FAULTS_SHOWN = 20


@admin.register(SmdpProvider)
class SmdpProviderAdmin(admin.ModelAdmin[SmdpProvider]):
    list_display = [
        "code",
        "smdp_host",
        "requester_identifier",
        "pads_iccid",
        "path_prefix",
        "is_active",
    ]


@admin.register(Sim)
class SimAdmin(admin.ModelAdmin[Sim]):
    """SIMs. They are added only by an import, which checks them."""

    list_display = [
        "iccid",
        "kind",
        "state",
        "profile_type",
        "provider",
        "msisdn",
        "is_in_programme",
    ]
    list_filter = ["kind", "state", "provider", "is_in_programme"]
    list_select_related = ["provider"]
    # With a filter, Django would also count all SIMs, which scans the whole table.
    show_full_result_count = False
    search_fields = ["=iccid", "=imsi", "=msisdn", "=profiles__eid"]
    readonly_fields = ["iccid", "kind", "state", "profile_type", "provider"]
    # The PUK proves that a SIM is a customer's: not even staff see its digits.
    exclude = ["puk_ending"]
    change_list_template = "admin/esim/sims.html"

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_import_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("esim.import_sims")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the link to the import page to staff who may use it."""
        may_import = {"has_import_permission": self.has_import_permission(request)}
        return super().changelist_view(request, {**(extra_context or {}), **may_import})

    def get_urls(self) -> list[URLPattern]:
        """Add the import page to the pages of the list."""
        import_page = self.admin_site.admin_view(self.import_view)
        return [path("import/", import_page, name="esim_sim_import"), *super().get_urls()]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Check or import an uploaded file and show the result."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        faults: list[Fault] = []
        context = {**self.admin_site.each_context(request), "title": "Import SIMs", "form": form}
        if form.is_valid():
            try:
                context["report"] = import_sims(**form.cleaned_data, report_fault=faults.append)
            except UnreadableHeader as error:
                form.add_error("file", str(error))
        context["faults"] = faults[:FAULTS_SHOWN]
        return render(request, "admin/esim/import_sims.html", context)


@admin.register(IccidRange)
class IccidRangeAdmin(admin.ModelAdmin[IccidRange]):
    list_display = ["first", "last", "is_in_programme", "note"]
    list_filter = ["is_in_programme"]
    form = IccidRangeForm

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Tell staff if an overlapping range was saved after this form was checked."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except ranges.RangesOverlap:
            self.message_user(
                request,
                "Nothing was saved. Someone else just saved a range that overlaps with this one.",
                messages.ERROR,
            )
            return HttpResponseRedirect(request.path)

    def save_model(
        self,
        request: HttpRequest,
        obj: IccidRange,
        _form: ModelForm[IccidRange],
        _change: bool,  # noqa: FBT001 -- Django's own signature
    ) -> None:
        sims = ranges.save(obj)
        self.message_user(request, f"Saved. SIMs whose programme status changed: {sims}.")

    def delete_model(self, _request: HttpRequest, obj: IccidRange) -> None:
        ranges.remove(obj)

    def delete_queryset(self, _request: HttpRequest, chosen: QuerySet[IccidRange]) -> None:
        # One by one, because removing a range also updates its SIMs.
        for iccid_range in chosen:
            ranges.remove(iccid_range)


@admin.register(PoolLevel)
class PoolLevelAdmin(admin.ModelAdmin[PoolLevel]):
    """The ICCID pools that have a low mark. `low_since` is set on those below it."""

    list_display = ["profile_type", "provider", "low_mark", "free", "low_since"]
    list_filter = [("low_since", admin.EmptyFieldListFilter), "provider"]
    list_select_related = ["provider"]
    readonly_fields = ["low_since"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PoolLevel]:
        return with_free_count(super().get_queryset(request))

    @admin.display(description="Free")
    def free(self, level: Any) -> int:
        free: int = level.free
        return free


@admin.register(Source)
class SourceAdmin(admin.ModelAdmin[Source]):
    list_display = ["profile_type", "market", "rank", "provider"]
    list_filter = ["profile_type", "market", "provider"]
    list_select_related = ["provider"]
    form = SourceForm


class CallInline(ReadOnlyInline, admin.TabularInline[Es2Call, Profile]):
    model = Es2Call
    readonly_fields = [
        "function",
        "outcome",
        "subject_code",
        "reason_code",
        "sent_at",
        "answered_at",
        "detail",
    ]
    fields = (*readonly_fields,)


class ProgressInline(ReadOnlyInline, admin.TabularInline[DownloadProgress, Profile]):
    model = DownloadProgress
    readonly_fields = [
        "point",
        "status",
        "meaning",
        "other_eid",
        "subject_code",
        "reason_code",
        "timestamp",
        "received_at",
        "raw",
    ]
    fields = (*readonly_fields,)


class NeedsStaff(NeedsStaffFilter):
    """Profiles with an answer or a notice of the SM-DP+ that staff must check."""

    def queryset(self, _request: HttpRequest, profiles: QuerySet[Profile]) -> QuerySet[Profile]:
        return profiles.exclude(staff_alert="") if self.value() else profiles


@admin.register(Profile)
class ProfileAdmin(ReadOnly, admin.ModelAdmin[Profile]):
    list_display = ["sim", "state", "provider", "alert_summary", "created_at", "downloaded_at"]
    list_filter = [NeedsStaff, "state", "provider"]
    list_select_related = ["sim", "provider"]
    search_fields = ["=sim__iccid", "=eid"]
    # The matching id is a bearer secret: not even staff see it.
    exclude = ["matching_id", "matching_id_digest"]
    inlines = [CallInline, ProgressInline]
    actions = ["clear_staff_alert", "confirm_download"]

    @admin.display(description="Staff alert")
    def alert_summary(self, profile: Profile) -> str:
        """Return the function and its codes. The profile's page shows the whole answer."""
        return profile.staff_alert.partition("\n")[0]

    def has_clear_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("esim.clear_staff_alert")

    @admin.action(
        description="Clear the staff alert (keeps the recorded calls)", permissions=["clear"]
    )
    def clear_staff_alert(self, request: HttpRequest, chosen: QuerySet[Profile]) -> None:
        """Clear the staff alert of the chosen profiles. The recorded calls are kept."""
        for profile in chosen:
            provisioning.clear_staff_alert(profile)
            self.log_change(request, profile, "Cleared the staff alert.")

    @admin.action(
        description="Confirm the download (a notice named another EID, and it is this eSIM)",
        permissions=["clear"],
    )
    def confirm_download(self, request: HttpRequest, chosen: QuerySet[Profile]) -> None:
        """Mark the chosen profiles as downloaded, and clear their staff alert."""
        for profile in chosen.select_related("sim", "provider"):
            try:
                progress.confirm_download(profile, actor=staff_of(request))
            except progress.NothingToConfirm:
                text = f"{profile.sim}: no notice names another EID, or it is not waiting."
                self.message_user(request, text, messages.WARNING)
            else:
                self.log_change(request, profile, "Confirmed the download.")


@admin.register(DownloadProgress)
class DownloadProgressAdmin(ReadOnly, admin.ModelAdmin[DownloadProgress]):
    """All notices of the SM-DP+s, also those that decide nothing or name an unknown ICCID."""

    list_display = ["iccid", "point", "status", "codes", "meaning", "provider", "received_at"]
    list_filter = ["meaning", "provider", ("profile", admin.EmptyFieldListFilter)]
    list_select_related = ["provider"]
    ordering = ["-pk"]
    search_fields = ["=iccid"]
