{{- define "modelsweep.name" -}}
{{- if contains "modelsweep" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-modelsweep" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "modelsweep.selector" -}}
app.kubernetes.io/name: modelsweep
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "modelsweep.labels" -}}
{{ include "modelsweep.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end }}

{{/* (dict "root" $ "name" name "component" what it is part of, or nothing) */}}
{{- define "modelsweep.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "modelsweep.labels" .root | nindent 2 }}
  {{- with .component }}
  app.kubernetes.io/component: {{ . }}
  {{- end }}
{{- end }}

{{- define "modelsweep.serviceAccount" -}}
{{- if .Values.serviceAccount.name }}{{ .Values.serviceAccount.name }}{{ else if .Values.serviceAccount.create }}{{ include "modelsweep.name" . }}{{ else }}default{{ end }}
{{- end }}

{{/* The image of a container: (dict "root" $ "own" what it says otherwise) */}}
{{- define "modelsweep.image" -}}
{{- $image := mergeOverwrite (deepCopy .root.Values.image) (.own | default dict) -}}
{{- if $image.digest }}{{ printf "%s@%s" $image.repository $image.digest }}{{ else }}{{ printf "%s:%s" $image.repository ($image.tag | default .root.Chart.AppVersion) }}{{ end }}
{{- end }}

{{/* What all our pods have in common; nobody speaks with the API server. */}}
{{- define "modelsweep.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "modelsweep.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* Where Redis is: all that the exporter may know. */}}
{{- define "modelsweep.broker" -}}
{{- if .Values.redis.enabled }}
- name: MODELSWEEP_REDIS_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .Values.secret }}, key: MODELSWEEP_REDIS_PASSWORD}}
- name: MODELSWEEP_BROKER_URL
  value: redis://:$(MODELSWEEP_REDIS_PASSWORD)@{{ include "modelsweep.name" . }}-redis:6379/0
{{- else }}
- name: MODELSWEEP_BROKER_URL
  valueFrom: {secretKeyRef: {name: {{ .Values.secret }}, key: MODELSWEEP_BROKER_URL}}
{{- end }}
- name: MODELSWEEP_LOG_LEVEL
  value: {{ .Values.logLevel }}
{{- end }}

{{/* What workers, audits and the dashboard know besides: the variables of a container. */}}
{{- define "modelsweep.variables" -}}
{{- include "modelsweep.broker" . | trim }}
- name: MODELSWEEP_KEY
  valueFrom: {secretKeyRef: {name: {{ .Values.secret }}, key: MODELSWEEP_KEY}}
{{- with .Values.store }}
- name: MODELSWEEP_STORE
  value: {{ . | quote }}
{{- end }}
{{- with .Values.cache }}
- name: MODELSWEEP_CACHE
  value: {{ . | quote }}
{{- end }}
{{- end }}

{{- define "modelsweep.environment" -}}
env:
  {{- include "modelsweep.variables" . | nindent 2 }}
{{- include "modelsweep.credentials" . }}
{{- end }}

{{/* Credentials of sources; on a line of their own, where there are any. */}}
{{- define "modelsweep.credentials" -}}
{{- with .Values.credentials }}
envFrom:
  {{- range . }}
  - secretRef: {name: {{ . }}}
  {{- end }}
{{- end }}
{{- end }}

{{/* The volumes of a worker or an audit: (dict "root" $ "spool" size) */}}
{{- define "modelsweep.volumes" -}}
volumes:
  - name: spool
    emptyDir: {sizeLimit: {{ .spool }}}
  - name: alive
    emptyDir: {medium: Memory, sizeLimit: 1Mi}
  {{- with .root.Values.volumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "modelsweep.mounts" -}}
volumeMounts:
  - {name: spool, mountPath: /spool}
  - {name: alive, mountPath: /run/modelsweep}
  {{- with .Values.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "modelsweep.liveness" -}}
livenessProbe:
  exec: {command: [python, -P, -m, modelsweep.fleet.liveness, "90"]}
  initialDelaySeconds: 30
  periodSeconds: 30
  timeoutSeconds: 10
{{- end }}

{{/* "true" where workers or audits have something to reach on the internet. */}}
{{- define "modelsweep.https" -}}
{{- $targets := concat .Values.roots (list .Values.store) -}}
{{- range $name, $audit := .Values.audits }}{{ $targets = concat $targets $audit.targets }}{{ end -}}
{{- $remote := false -}}
{{- range $targets }}{{ if regexMatch "^(s3|r2|gs|hf|models|oci|https|mlflow):/" . }}{{ $remote = true }}{{ end }}{{ end -}}
{{- if eq (toString .Values.networkPolicy.https) "auto" }}{{ $remote }}{{ else }}{{ .Values.networkPolicy.https }}{{ end }}
{{- end }}

{{/* Rules of egress that all but Redis need. */}}
{{- define "modelsweep.toRedis" -}}
- ports: [{protocol: TCP, port: {{ .Values.redis.enabled | ternary 6379 .Values.networkPolicy.redisPort }}}]
  {{- if .Values.redis.enabled }}
  to:
    - podSelector:
        matchLabels:
          {{- include "modelsweep.selector" . | nindent 10 }}
          app.kubernetes.io/component: redis
  {{- else if .Values.networkPolicy.redisCidr }}
  to: [{ipBlock: {cidr: {{ .Values.networkPolicy.redisCidr }}}}]
  {{- end }}
- ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]
{{- end }}
