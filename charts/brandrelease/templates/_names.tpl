{{- /* Names are fixed: one installation serves a cluster, and every command in the documentation works as it stands. */ -}}

{{- define "brandrelease.labels" -}}
app.kubernetes.io/name: brandrelease
app.kubernetes.io/part-of: brandrelease
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- /* As 0-of-2; empty where the brands are not divided. */ -}}
{{- define "brandrelease.shard" -}}
{{- if gt .count 1 }}{{ .index }}-of-{{ .count }}{{ end -}}
{{- end }}

{{- define "brandrelease.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{- /* Namespaces that are watched, with commas between; nothing means all. */ -}}
{{- define "brandrelease.watched" -}}
{{- if eq .Values.rbac.mode "Namespaces" -}}
{{- $names := list -}}
{{- range .Values.brandNamespaces }}{{ $names = append $names .name }}{{ end -}}
{{- join "," $names -}}
{{- end -}}
{{- end }}
